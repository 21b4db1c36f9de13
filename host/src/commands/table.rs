//! The layout of everything that commands print for people: tables, and lists of names and values. Numbers are aligned right. Every column
//! is as wide as its widest cell on a terminal, where a character takes one place, two or none.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use crate::terminal::{BAD, DOUBTFUL, HEADING, printable, styled};

/// Spaces between columns.
const GAP: usize = 2;

/// A column with its heading.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Of text, aligned left.
    Text(&'a str),
    /// Of numbers, aligned right.
    Number(&'a str),
}

/// One cell: text of one or more lines, with everything unprintable escaped, and its style.
#[derive(Clone, Debug)]
pub struct Cell {
    lines: Vec<String>,
    style: Style,
}

impl Cell {
    /// Text in a style.
    pub fn new(text: &str, style: Style) -> Self {
        let lines = text.split('\n').map(printable).collect();
        Self { lines, style }
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|line| line.width()).max().unwrap_or(0)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Style::new())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Rows under the headings of their columns.
pub fn table(columns: &[Column<'_>], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let heads = columns.iter().map(|column| match column {
        Column::Text(head) | Column::Number(head) => Cell::new(head, HEADING),
    });
    let rows: Vec<Vec<Cell>> = std::iter::once(heads.collect()).chain(rows).collect();
    let is_number = |column| matches!(columns.get(column), Some(Column::Number(_)));
    laid_out(&rows, is_number)
}

/// A name and a value in each line; an empty value is shown as `none`.
pub fn figures<'a>(rows: impl IntoIterator<Item = (&'a str, Cell)>) -> String {
    let rows = rows.into_iter().map(|(name, value)| match value.width() {
        0 => vec![Cell::new(name, HEADING), Cell::from("none")],
        _ => vec![Cell::new(name, HEADING), value],
    });
    laid_out(&rows.collect::<Vec<_>>(), |_| false)
}

/// A share from 0 to 1 as `93.10 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// The style of a share of right answers: below a half it is bad, below three quarters doubtful.
pub fn share_style(share: f64) -> Style {
    match share {
        ..0.5 => BAD,
        ..0.75 => DOUBTFUL,
        _ => Style::new(),
    }
}

/// No line ends with spaces.
fn laid_out(rows: &[Vec<Cell>], is_number: impl Fn(usize) -> bool) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(row.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let height = row.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
        for number in 0..height {
            let mut spaces = 0;
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let part = cell.lines.get(number).map_or("", String::as_str);
                let rest = width - part.width();
                let (before, behind) = if is_number(column) { (rest, 0) } else { (0, rest) };
                spaces += before;
                if !part.is_empty() {
                    text.extend(std::iter::repeat_n(' ', spaces));
                    text += &styled(part, cell.style);
                    spaces = 0;
                }
                spaces += behind + GAP;
            }
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without styles.
    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn text_is_aligned_left_and_numbers_right_and_no_line_ends_with_spaces() {
        let columns = [
            Column::Text("TOPIC"),
            Column::Number("MESSAGES"),
            Column::Text("GROUPS"),
        ];
        let rows = [
            vec!["input-stream".into(), "1,000".into(), "mine".into()],
            vec!["日本".into(), "7".into(), "".into()],
        ];
        assert_eq!(
            plain(&table(&columns, rows)),
            "\
TOPIC         MESSAGES  GROUPS
input-stream     1,000  mine
日本                 7
"
        );
    }

    #[test]
    fn a_value_of_several_lines_stays_in_its_column_and_an_empty_one_is_none() {
        let rows = [("imports", "a\nb".into()), ("on", "".into())];
        assert_eq!(plain(&figures(rows)), "imports  a\n         b\non       none\n");
    }

    #[test]
    fn a_style_covers_the_text_and_not_the_spaces_around_it() {
        let rows = [vec![Cell::new("1", BAD)], vec!["100".into()]];
        let text = table(&[Column::Number("N")], rows);
        assert_eq!(text, "  \x1b[1mN\x1b[0m\n  \x1b[31m1\x1b[0m\n100\n");
    }

    #[test]
    fn text_from_outside_neither_controls_the_terminal_nor_shifts_a_column() {
        let rows = [vec!["\x1b[2J".into(), "x".into()]];
        let text = plain(&table(&[Column::Text("A"), Column::Text("B")], rows));
        assert_eq!(text, "A          B\n\\u{1b}[2J  x\n");
    }
}
