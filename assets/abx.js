// The blind test comes with the Score tab.
