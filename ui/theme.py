"""Colours and fonts of the page: celadon and persimmon on paper; system fonts, so nothing is fetched."""

from gradio.themes import Base, Color, Font

CELADON = Color(
    "#f0f8f6",
    "#dbeee9",
    "#b7ddd4",
    "#8ac5b9",
    "#5aa898",
    "#3a8b7c",
    "#2a7165",
    "#235b52",
    "#1e4943",
    "#1a3c37",
    "#0c2421",
)
STONE = Color(
    "#faf9f6",
    "#f3f1ec",
    "#e5e2da",
    "#d0ccc1",
    "#9d988b",
    "#736f64",
    "#57544b",
    "#423f39",
    "#282724",
    "#1b1b19",
    "#121211",
)

# Latin first, then Korean, Japanese and Chinese of each system.
SANS = [
    *("system-ui", "-apple-system", "Segoe UI"),
    *("Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR"),
    *("Hiragino Sans", "Yu Gothic UI", "PingFang SC", "Microsoft YaHei", "sans-serif"),
]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]


def build_theme() -> Base:
    """The page's theme, light and dark."""
    theme = Base(
        primary_hue=CELADON,
        secondary_hue=CELADON,
        neutral_hue=STONE,
        radius_size="lg",
        font=[Font(name) for name in SANS],
        font_mono=[Font(name) for name in MONO],
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_weight="600",
        block_shadow="0 1px 2px rgb(40 39 36 / 0.05)",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        input_background_fill="white",
        input_background_fill_dark="*neutral_950",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )
