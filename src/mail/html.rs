//! HTML to text: hidden nodes, table cells, links with text and target.

use super::Link;
use super::links::{self, MAX_LINKS};
use super::style::{self, Paint, Style};
use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use std::ops::Range;

/// Open elements that are followed; what lies deeper is read without knowing its surroundings.
const MAX_DEPTH: usize = 200;
/// Bytes of HTML that are read.
const MAX_HTML: usize = 4 * 1024 * 1024;
/// Bytes of hidden text that are kept.
const MAX_HIDDEN: usize = 64 * 1024;

/// Characters of a link's text that are kept.
const MAX_LINK_TEXT: usize = 1000;

/// HTML as a reader sees it.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) text: String,
    pub(super) hidden: String,
    pub(super) links: Vec<Link>,
    /// Stretches of `text` that the author's mail program marked as cited.
    pub(super) cited: Vec<Range<usize>>,
    pub(super) too_deep: bool,
    pub(super) truncated: bool,
}

/// Renders HTML.
pub(super) fn render(html: &str) -> Page {
    let mut end = html.len().min(MAX_HTML);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    let mut page = Renderer { page: Page { truncated: end < html.len(), ..Page::default() }, ..Renderer::default() };
    {
        let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: html5gum::Span<()>| -> Option<()> {
            page.event(&event);
            None
        });
        emitter.naively_switch_states(true);
        for Ok(()) in Tokenizer::new_with_emitter(html.get(..end).unwrap_or_default(), emitter) {}
    }
    page.close_all();
    page.page
}

/// What stands between the last text and the next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Gap {
    #[default]
    None,
    Space,
    Tab,
    Lines(u8),
}

#[derive(Debug)]
struct Open {
    name: String,
    hidden: bool,
    paint: Paint,
    keep_blanks: bool,
    /// A link's target and where its text began.
    link: Option<(String, Option<usize>)>,
    cite: Option<usize>,
    /// Bytes of the text when this element began.
    begun: usize,
    /// Cells of a table row so far.
    cells: u32,
}

#[derive(Default)]
struct Renderer {
    page: Page,
    stack: Vec<Open>,
    /// Elements beyond [`MAX_DEPTH`].
    beyond: usize,
    gap: Gap,
    name: String,
    attributes: Vec<(String, String)>,
    sheet: style::Sheet,
    /// Links that were opened since the last text.
    waiting: usize,
}

const VOID: [&str; 15] = [
    "area", "base", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link", "meta", "param", "source",
    "wbr",
];
/// Elements whose content is no text for the reader.
const MUTE: [&str; 14] = [
    "style", "script", "head", "title", "template", "noscript", "noframes", "object", "svg", "iframe", "select",
    "textarea", "audio", "video",
];
/// What may stand in `<head>`.
const OF_HEAD: [&str; 7] = ["title", "style", "script", "noscript", "template", "object", "xml"];
const BLOCK: [&str; 36] = [
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dir", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "html",
    "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "ul",
];

impl Renderer {
    fn event(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.name = String::from_utf8_lossy(name.get(..name.len().min(20)).unwrap_or_default()).into_owned();
                self.attributes.clear();
            }
            CallbackEvent::AttributeName { name } if self.attributes.len() < 50 => {
                self.attributes.push((String::from_utf8_lossy(name).into_owned(), String::new()));
            }
            CallbackEvent::AttributeName { .. } => {}
            CallbackEvent::AttributeValue { value } => {
                if let Some((_, known)) = self.attributes.last_mut() {
                    known.push_str(&String::from_utf8_lossy(value));
                }
            }
            CallbackEvent::CloseStartTag { self_closing } => self.start(*self_closing),
            CallbackEvent::EndTag { name } => {
                let name = String::from_utf8_lossy(name).into_owned();
                self.end(&name);
            }
            CallbackEvent::String { value } => {
                let text = String::from_utf8_lossy(value);
                if self.stack.last().is_some_and(|open| open.name == "style") {
                    self.sheet.read(&text);
                } else {
                    self.text(&text);
                }
            }
            _ => {}
        }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn hidden(&self) -> bool {
        self.stack.last().is_some_and(|open| open.hidden)
    }

    fn start(&mut self, self_closing: bool) {
        let name = std::mem::take(&mut self.name);
        match name.as_str() {
            "br" => {
                if !self.hidden() {
                    self.gap = match self.gap {
                        Gap::Lines(n) => Gap::Lines(n.saturating_add(1).min(3)),
                        _ => Gap::Lines(1),
                    };
                    self.flush_break();
                }
                return;
            }
            "img" => {
                let tiny = ["width", "height"].iter().any(|side| {
                    self.attribute(side).is_some_and(|size| matches!(size.trim().trim_end_matches("px"), "0" | "1"))
                });
                let style = Style::of(self.attribute("style").unwrap_or_default());
                if let Some(alt) = self.attribute("alt").map(str::to_owned)
                    && !tiny
                    && !style.hides
                {
                    self.text(&alt);
                }
                return;
            }
            "hr" => self.line(),
            "area" => {
                if let (Some(href), false) = (self.attribute("href").map(str::to_owned), self.hidden()) {
                    let text = self.attribute("alt").unwrap_or_default().to_owned();
                    self.link(href, text, None);
                }
                return;
            }
            _ => {}
        }
        if VOID.contains(&name.as_str()) {
            return;
        }
        if self.stack.last().is_some_and(|open| open.name == "head") && !OF_HEAD.contains(&name.as_str()) {
            self.close_one(); // a page without </head>: its text begins here
        }
        self.close_implied(&name);
        let block = BLOCK.contains(&name.as_str());
        if block && !self.hidden() {
            self.line();
        }
        match name.as_str() {
            "table" | "tr" | "thead" | "tbody" | "tfoot" if !self.hidden() => self.row_line(),
            "td" | "th" if !self.hidden() => {
                let row = self.stack.iter_mut().rfind(|open| open.name == "tr" || open.name == "table");
                // an image before the words is no cell that a reader would miss
                let said = self.page.text.len();
                let first = row.is_none_or(|row| {
                    row.cells += 1;
                    row.cells == 1 || row.begun == said
                });
                if !first {
                    self.gap = Gap::Tab;
                }
            }
            _ => {}
        }
        if self.stack.len() >= MAX_DEPTH {
            self.page.too_deep = true;
            self.beyond += 1;
            return;
        }
        let open = self.opened(&name);
        self.waiting += usize::from(open.link.is_some());
        self.stack.push(open);
        // a link or a block may close itself in XHTML only; HTML ignores the slash
        let _ = self_closing;
    }

    fn opened(&mut self, name: &str) -> Open {
        let above = self.stack.last();
        let mut style = Style::of(self.attribute("style").unwrap_or_default());
        let classes = self.attribute("class").unwrap_or_default();
        let id = self.attribute("id").unwrap_or_default();
        let by_sheet = self.sheet.hides(name, classes, id);
        let painted_by_sheet = self.sheet.known() && !(classes.is_empty() && id.is_empty());
        style.take_attributes(
            self.attribute("bgcolor"),
            self.attribute("background").is_some() || painted_by_sheet,
            (name == "font").then(|| self.attribute("color")).flatten(),
        );
        let paint = above.map(|open| open.paint).unwrap_or_default().under(&style);
        let hidden = above.is_some_and(|open| open.hidden)
            || style.hides
            || by_sheet
            || self.attribute("hidden").is_some()
            || MUTE.contains(&name)
            || paint.invisible();
        let keep_blanks = style.keeps_blanks.unwrap_or(name == "pre" || above.is_some_and(|open| open.keep_blanks));
        let link = (name == "a").then(|| self.attribute("href")).flatten().map(|href| (href.to_owned(), None));
        let cited = (name == "blockquote"
            && (self.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("cite"))
                || classes.contains("gmail_quote")))
            || classes.contains("yahoo_quoted");
        let cite = cited.then_some(self.page.text.len());
        Open { name: name.to_owned(), hidden, paint, keep_blanks, link, cite, cells: 0, begun: self.page.text.len() }
    }

    /// Elements that end without an end tag when another begins.
    fn close_implied(&mut self, name: &str) {
        let ends: &[&str] = match name {
            "td" | "th" => &["td", "th"],
            "tr" => &["tr"],
            "tbody" | "thead" | "tfoot" => &["tbody", "thead", "tfoot"],
            "li" => &["li"],
            "dt" | "dd" => &["dt", "dd"],
            "option" => &["option"],
            "a" => &["a"],
            "body" => &["head"],
            _ if BLOCK.contains(&name) || name == "table" => &["p"],
            _ => return,
        };
        let stops: &[&str] = match name {
            "td" | "th" | "tr" | "tbody" | "thead" | "tfoot" => &["table"],
            "li" => &["ul", "ol", "table"],
            "a" => &["td", "table", "div"],
            _ => &["td", "th", "table", "button", "div", "li"],
        };
        let found = self
            .stack
            .iter()
            .rposition(|open| ends.contains(&open.name.as_str()) || stops.contains(&open.name.as_str()));
        if let Some(at) = found.filter(|at| self.stack.get(*at).is_some_and(|open| ends.contains(&open.name.as_str())))
        {
            self.close_to(at);
        }
    }

    fn end(&mut self, name: &str) {
        if name == "br" || name == "p" && !self.stack.iter().any(|open| open.name == "p") {
            return self.line();
        }
        if self.beyond > 0 {
            self.beyond -= 1;
            if BLOCK.contains(&name) && !self.hidden() {
                self.line();
            }
            return;
        }
        let table = ["table", "tbody", "thead", "tfoot", "tr", "td", "th", "body", "html"].contains(&name);
        let found = self.stack.iter().rposition(|open| {
            open.name == name
                || (!table && matches!(open.name.as_str(), "td" | "th" | "table"))
                || (table && name != "table" && name != "body" && name != "html" && open.name == "table")
        });
        if let Some(at) = found.filter(|at| self.stack.get(*at).is_some_and(|open| open.name == name)) {
            self.close_to(at);
        }
    }

    fn close_to(&mut self, at: usize) {
        while self.stack.len() > at {
            self.close_one();
        }
    }

    fn close_all(&mut self) {
        self.close_to(0);
    }

    fn close_one(&mut self) {
        let Some(open) = self.stack.pop() else { return };
        if let Some((href, start)) = open.link
            && !open.hidden
        {
            let place = start.map(|start| start..self.page.text.len());
            let text = place.clone().and_then(|place| self.page.text.get(place)).unwrap_or_default();
            let text: String = text.chars().take(MAX_LINK_TEXT).collect();
            self.link(href, text, place);
        }
        if let Some(start) = open.cite
            && start < self.page.text.len()
        {
            self.page.cited.push(start..self.page.text.len());
        }
        if open.hidden {
            if !MUTE.contains(&open.name.as_str()) && self.page.hidden.len() < MAX_HIDDEN {
                self.page.hidden.push(' ');
            }
        } else if BLOCK.contains(&open.name.as_str()) {
            self.line();
        } else if matches!(open.name.as_str(), "tr" | "table") {
            self.row_line();
        }
    }

    fn link(&mut self, href: String, text: String, place: Option<Range<usize>>) {
        if self.page.links.len() < MAX_LINKS {
            let host = links::host(&href);
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.page.links.push(Link { href: href.trim().to_owned(), host, text, place });
        }
    }

    /// A block begins or ends: a new line, unless a cell has just begun.
    fn line(&mut self) {
        if matches!(self.gap, Gap::None | Gap::Space) {
            self.gap = Gap::Lines(1);
        }
    }

    fn row_line(&mut self) {
        if !matches!(self.gap, Gap::Lines(_)) {
            self.gap = Gap::Lines(1);
        }
    }

    /// `<br>` counts even when nothing follows in this block.
    fn flush_break(&mut self) {
        if self.page.text.is_empty() {
            self.gap = Gap::None;
        }
    }

    fn text(&mut self, text: &str) {
        let Some(open) = self.stack.last() else { return self.visible(text, false) };
        if !open.hidden {
            let keep = open.keep_blanks;
            return self.visible(text, keep);
        }
        let mute = self.stack.iter().any(|open| MUTE.contains(&open.name.as_str()));
        if !mute {
            for word in text.split_whitespace() {
                if self.page.hidden.len() > MAX_HIDDEN {
                    break;
                }
                self.page.hidden.push_str(word);
                self.page.hidden.push(' ');
            }
        }
    }

    fn visible(&mut self, text: &str, keep_blanks: bool) {
        if keep_blanks {
            let mut lines = text.split('\n').peekable();
            while let Some(line) = lines.next() {
                let line = line.trim_end_matches('\r');
                if !line.trim().is_empty() {
                    self.put(line);
                }
                if lines.peek().is_some() {
                    self.gap = match self.gap {
                        Gap::Lines(n) => Gap::Lines(n.saturating_add(1).min(3)),
                        _ => Gap::Lines(1),
                    };
                }
            }
            return;
        }
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{0C}');
        let mut rest = text;
        loop {
            let trimmed = rest.trim_start_matches(blank);
            if trimmed.len() < rest.len() && self.gap == Gap::None {
                self.gap = Gap::Space;
            }
            if trimmed.is_empty() {
                return;
            }
            let end = trimmed.find(blank).unwrap_or(trimmed.len());
            let (word, after) = trimmed.split_at(end);
            self.put(word);
            rest = after;
        }
    }

    fn put(&mut self, word: &str) {
        let out = &mut self.page.text;
        let fresh = out.is_empty() || out.ends_with('\n');
        match self.gap {
            Gap::None => {}
            Gap::Space if !fresh => out.push(' '),
            Gap::Tab if !out.is_empty() => out.push('\t'),
            Gap::Lines(n) if !out.is_empty() => {
                for _ in 0..n {
                    out.push('\n');
                }
            }
            _ => {}
        }
        self.gap = Gap::None;
        let start = out.len();
        out.push_str(word);
        if self.waiting > 0 {
            self.waiting = 0;
            for open in &mut self.stack {
                if let Some((_, place @ None)) = &mut open.link {
                    *place = Some(start);
                }
            }
        }
    }
}
