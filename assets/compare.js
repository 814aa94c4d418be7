// The comparison player comes with the Score tab.
