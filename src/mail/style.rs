//! What CSS says about visibility, as far as mail uses it to hide text.

/// Classes and ids of one sheet that are remembered.
const MAX_NAMES: usize = 200;

/// The declarations of one element.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    /// The element and all in it is not shown.
    pub(super) hides: bool,
    /// Line ends count (`white-space: pre`).
    pub(super) keeps_blanks: Option<bool>,
    color: Option<u32>,
    /// A colour, or something behind the text that is not a colour.
    ground: Option<Option<u32>>,
}

impl Style {
    /// Reads a `style` attribute or the inside of a rule.
    pub(super) fn of(css: &str) -> Self {
        let mut style = Self::default();
        if css.is_empty() {
            return style;
        }
        let (mut no_room, mut clipped) = (false, false);
        for declaration in css.split(';').take(100) {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let name = name.trim().to_ascii_lowercase();
            let value = value.trim().trim_end_matches("!important").trim().to_ascii_lowercase();
            let number = || value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%').parse::<f32>().ok();
            match name.as_str() {
                "display" => style.hides |= value == "none",
                "visibility" => style.hides |= value == "hidden" || value == "collapse",
                "mso-hide" => style.hides |= value == "all",
                "opacity" => style.hides |= number().is_some_and(|n| n <= 0.01),
                "font-size" => {
                    let pixels = value.ends_with("px") || value.ends_with("pt");
                    style.hides |= number().is_some_and(|n| n <= 0.0 || (pixels && n <= 1.0));
                }
                "font" => {
                    style.hides |= value.split([' ', '/']).any(|word| matches!(word, "0" | "0px" | "0pt" | "1px"))
                }
                "max-height" | "height" | "max-width" | "width" => no_room |= number().is_some_and(|n| n <= 0.0),
                "overflow" | "overflow-y" => clipped |= value == "hidden",
                "text-indent" | "left" | "top" | "margin-left" => style.hides |= number().is_some_and(|n| n <= -900.0),
                "white-space" => style.keeps_blanks = Some(value.starts_with("pre")),
                "color" => {
                    style.hides |= value == "transparent";
                    style.color = color(&value);
                }
                "background-color" => style.ground = Some(color(&value)),
                "background-image" => style.ground = Some(None),
                "background" => {
                    let pure = !value.contains("url") && !value.contains("gradient");
                    style.ground = Some(if pure { value.split_whitespace().find_map(color) } else { None });
                }
                _ => {}
            }
        }
        style.hides |= no_room && clipped;
        style
    }

    /// The old attributes that say the same.
    pub(super) fn take_attributes(&mut self, ground: Option<&str>, unknown_ground: bool, text: Option<&str>) {
        if self.ground.is_none() {
            match ground {
                Some(value) => self.ground = Some(color(&value.trim().to_ascii_lowercase())),
                None if unknown_ground => self.ground = Some(None),
                None => {}
            }
        }
        if self.color.is_none() {
            self.color = text.and_then(|value| color(&value.trim().to_ascii_lowercase()));
        }
    }
}

/// The colours in force: of text, and of what is behind it if that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    text: Option<u32>,
    ground: Option<u32>,
}

impl Default for Paint {
    fn default() -> Self {
        Self { text: None, ground: Some(0x00FF_FFFF) }
    }
}

impl Paint {
    /// The colours inside an element.
    pub(super) fn under(self, style: &Style) -> Self {
        Self { text: style.color.or(self.text), ground: style.ground.unwrap_or(self.ground) }
    }

    /// Text in exactly the colour of its ground.
    pub(super) fn invisible(self) -> bool {
        self.text.is_some() && self.text == self.ground
    }
}

fn color(value: &str) -> Option<u32> {
    match value {
        "white" => return Some(0x00FF_FFFF),
        "black" => return Some(0),
        _ => {}
    }
    if let Some(hex) = value.strip_prefix('#') {
        let number = u32::from_str_radix(hex, 16).ok()?;
        return match hex.len() {
            3 => Some((number >> 8 & 15) * 0x0011_0000 + (number >> 4 & 15) * 0x1100 + (number & 15) * 0x11),
            6 => Some(number),
            _ => None,
        };
    }
    if value.len() == 6 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return u32::from_str_radix(value, 16).ok();
    }
    let inside = value.strip_prefix("rgb(")?.strip_suffix(')')?;
    let mut all = inside.split([',', ' ']).filter(|part| !part.is_empty()).map(|part| part.trim().parse::<u8>());
    let (red, green, blue) = (all.next()?.ok()?, all.next()?.ok()?, all.next()?.ok()?);
    Some(u32::from_be_bytes([0, red, green, blue]))
}

/// The names that a `<style>` element hides on every screen.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    names: Vec<String>,
    known: bool,
}

impl Sheet {
    /// Whether there was a sheet at all: then a class may paint anything.
    pub(super) fn known(&self) -> bool {
        self.known
    }

    /// Reads a sheet. Only plain selectors (`.x`, `#x`, `td.x`) outside of @-rules count.
    pub(super) fn read(&mut self, css: &str) {
        self.known = true;
        let mut rest = css;
        while let Some(open) = rest.find('{') {
            let selector = rest.get(..open).unwrap_or_default();
            let selector = selector.rsplit(['}', ';', '>']).next().unwrap_or_default();
            let selector = selector.rsplit("*/").next().unwrap_or_default().trim();
            let inside = rest.get(open + 1..).unwrap_or_default();
            if selector.starts_with('@') {
                rest = inside.get(block_end(inside)..).unwrap_or_default();
                continue;
            }
            let close = inside.find('}').unwrap_or(inside.len());
            if Style::of(inside.get(..close).unwrap_or_default()).hides && self.names.len() < MAX_NAMES {
                self.names.extend(
                    selector
                        .split(',')
                        .map(str::trim)
                        .filter(|one| plain(one))
                        .map(str::to_ascii_lowercase)
                        .take(MAX_NAMES - self.names.len()),
                );
            }
            rest = inside.get(close..).unwrap_or_default().trim_start_matches('}');
        }
    }

    /// Whether a sheet hides this element.
    pub(super) fn hides(&self, element: &str, classes: &str, id: &str) -> bool {
        if self.names.is_empty() || (classes.is_empty() && id.is_empty()) {
            return false;
        }
        let classes = classes.to_ascii_lowercase();
        self.names.iter().any(|name| {
            let (of, mark) = name.split_at(name.find(['.', '#']).unwrap_or(0));
            (of.is_empty() || of == element)
                && match mark.strip_prefix('.') {
                    Some(class) => classes.split_ascii_whitespace().any(|one| one == class),
                    None => mark.strip_prefix('#').is_some_and(|one| id.eq_ignore_ascii_case(one)),
                }
        })
    }
}

fn plain(selector: &str) -> bool {
    selector.len() < 100
        && selector.matches(['.', '#']).count() == 1
        && selector.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '#' | '-' | '_'))
}

fn block_end(inside: &str) -> usize {
    let mut depth = 1;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    inside.len()
}
