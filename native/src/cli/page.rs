//! Where text for people goes: styles only for terminals, and nothing in it that a terminal would obey.
//!
//! Names and values come from anybody, so control characters in them are shown and not sent.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use anstyle::{AnsiColor, Style};

/// Whether text gets colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Coloured,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Only what was asked for.
    Quiet,
    Usual,
    /// Whole ids, and causes.
    Verbose,
}

/// Who reads the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Terminal,
    /// A file or another program.
    Program,
}

/// Text on its way to stdout or stderr.
pub(crate) struct Page<'a> {
    out: &'a mut dyn Write,
    paint: Paint,
    detail: Detail,
    reader: Reader,
}

impl<'a> Page<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, paint: Paint, detail: Detail, reader: Reader) -> Page<'a> {
        Page { out, paint, detail, reader }
    }

    /// A line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", text.as_ref())
    }

    /// A line that nobody asked for: `--quiet` leaves it out.
    pub(crate) fn remark(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        if self.detail == Detail::Quiet { Ok(()) } else { self.line(text) }
    }

    /// A value: a program gets every byte, a terminal no control characters.
    pub(crate) fn value(&mut self, text: &str) -> io::Result<()> {
        match self.reader {
            Reader::Terminal => text.split('\n').try_for_each(|line| writeln!(self.out, "{}", clean(line))),
            Reader::Program => writeln!(self.out, "{text}"),
        }
    }

    /// The content of a file: a program gets every byte of it, a terminal the lines of a text.
    pub(crate) fn content(&mut self, mut content: impl Read) -> io::Result<()> {
        match self.reader {
            Reader::Program => io::copy(&mut content, self.out).map(drop),
            Reader::Terminal => {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                let text = String::from_utf8_lossy(&bytes);
                text.lines().try_for_each(|line| writeln!(self.out, "{}", clean(line)))
            }
        }
    }

    /// Rows in aligned columns.
    pub(crate) fn table(&mut self, rows: &[Vec<Cell>]) -> io::Result<()> {
        self.aligned(rows).iter().try_for_each(|line| self.line(line))
    }

    /// The lines of a table.
    pub(crate) fn aligned(&self, rows: &[Vec<Cell>]) -> Vec<String> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<Cell>| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&self.paint(cell.look, &cell.text));
                line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
            }
            line.truncate(line.trim_end().len());
            line
        };
        rows.iter().map(line).collect()
    }

    /// Text in a look.
    pub(crate) fn paint(&self, look: Look, text: &str) -> String {
        let style = look.style();
        match self.paint {
            Paint::Coloured if text.is_empty() => String::new(),
            Paint::Plain => text.to_owned(),
            Paint::Coloured => format!("{style}{text}{style:#}"),
        }
    }

    /// An id, short unless all is to be told.
    pub(crate) fn id(&self, id: &str) -> String {
        self.paint(Look::Id, self.short(id))
    }

    /// An id in a table.
    pub(crate) fn id_cell(&self, id: &str) -> Cell {
        Cell::new(Look::Id, self.short(id))
    }

    /// How much is told.
    pub(crate) fn detail(&self) -> Detail {
        self.detail
    }

    fn short<'b>(&self, id: &'b str) -> &'b str {
        if self.detail == Detail::Verbose { id } else { id.get(..12).unwrap_or(id) }
    }
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Id,
    Name,
    Dim,
    Good,
    Bad,
    /// A lane of a drawing, by number.
    Lane(usize),
}

/// The colours of lanes that stand beside one another.
const LANES: [AnsiColor; 6] =
    [AnsiColor::Red, AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Blue, AnsiColor::Magenta, AnsiColor::Cyan];

impl Look {
    fn style(self) -> Style {
        match self {
            Look::Plain => Style::new(),
            Look::Id => AnsiColor::Yellow.on_default(),
            Look::Name => Style::new().bold(),
            Look::Dim => Style::new().dimmed(),
            Look::Good => AnsiColor::Green.on_default(),
            Look::Bad => AnsiColor::Red.on_default().bold(),
            Look::Lane(number) => LANES[number % LANES.len()].on_default(),
        }
    }
}

/// A piece of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    look: Look,
}

impl Cell {
    /// Text from anybody.
    pub(crate) fn new(look: Look, text: &str) -> Cell {
        Cell { text: clean(text).into_owned(), look }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// Text without anything that a terminal would obey: control characters other than tabs, and marks that turn the
/// direction of writing, are shown by their numbers.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let obeyed =
        |c: char| c.is_control() && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| if obeyed(c) { format!("\\u{{{:x}}}", c as u32) } else { c.to_string() });
    Cow::Owned(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(clean("plain\tümlaut"), "plain\tümlaut");
        assert_eq!(clean("\x1b[31mred\u{202e}\u{9b}"), "\\u{1b}[31mred\\u{202e}\\u{9b}");
    }

    #[test]
    fn columns_are_aligned() {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, Paint::Plain, Detail::Usual, Reader::Program);
        let row = |left, right| vec![Cell::new(Look::Id, left), Cell::new(Look::Plain, right)];
        page.table(&[row("a", "x"), row("long", "y")]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a     x\nlong  y\n");
    }
}
