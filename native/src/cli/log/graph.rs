//! Drawing a history: entries stand below one another, and lines lead from each down to those that it came after.
//!
//! A *lane* is a column of the drawing that leads to an entry further down. An entry stands in the leftmost lane that
//! leads to it, or opens one on the right. Below it, its lane leads on to its first parent and new lanes open beside it
//! for the others; lanes that lead to one entry are drawn together, always to the left. So a lane moves right only to
//! make room, by one column a row, and left only to join or to close a gap.

/// An entry, by a number of the caller's, and those that it came after, each once.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: usize,
    pub(crate) parents: Vec<usize>,
}

/// A sign of the drawing, and which colour it is drawn in: that of the lane that it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    pub(crate) sign: char,
    pub(crate) colour: usize,
}

/// A row of the drawing; blanks at its end are left out.
pub(crate) type Row = Vec<Sign>;

/// How an entry is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// The row that it stands in.
    pub(crate) own: Row,
    /// How wide the drawing is here: what is told about the entry begins behind that.
    pub(crate) width: usize,
    /// The rows between it and the next entry.
    pub(crate) below: Vec<Row>,
}

/// Draws a history. Every entry stands before its parents; a parent that is not among the entries has a lane that leads
/// out of the drawing.
pub(crate) fn draw(nodes: &[Node]) -> Vec<Drawn> {
    let mut lanes = Lanes::default();
    let mut drawn: Vec<Drawn> = nodes.iter().map(|node| lanes.draw(node)).collect();
    if let Some(last) = drawn.last_mut() {
        last.below.clear();
    }
    drawn
}

#[derive(Clone, Copy)]
struct Lane {
    /// The entry that it leads to.
    to: usize,
    colour: usize,
}

/// A lane on its way to the column where it goes on.
struct Moving {
    colour: usize,
    column: usize,
    to_column: usize,
}

#[derive(Default)]
struct Lanes {
    lanes: Vec<Lane>,
    colours: usize,
}

impl Lanes {
    fn draw(&mut self, node: &Node) -> Drawn {
        let at = match self.lanes.iter().position(|lane| lane.to == node.id) {
            Some(at) => at,
            None => {
                let colour = self.next_colour();
                self.lanes.push(Lane { to: node.id, colour });
                self.lanes.len() - 1
            }
        };
        let mut own = Row::new();
        for (column, lane) in self.lanes.iter().enumerate() {
            put(&mut own, 2 * column, if column == at { '*' } else { '|' }, lane.colour);
        }
        let before = self.lanes.len();
        let (below, widest) = self.lead_on(at, &node.parents);
        Drawn { own, width: 2 * before.max(widest) - 1, below }
    }

    fn next_colour(&mut self) -> usize {
        self.colours += 1;
        self.colours - 1
    }

    /// Leads the lane of an entry on to its parents. Returns the rows that this takes, and how many lanes there are at most.
    fn lead_on(&mut self, at: usize, parents: &[usize]) -> (Vec<Row>, usize) {
        let mut rest = parents.to_vec();
        let beside = [at.checked_sub(1), Some(at + 1)].map(|column| column.and_then(|column| self.lanes.get(column)));
        let [left, right] = beside.map(|lane| lane.copied());
        let left = left.filter(|lane| rest.len() > 1 && take(&mut rest, lane.to));
        let right = right.filter(|lane| rest.len() == 2 && take(&mut rest, lane.to));
        let opened: Vec<Lane> = rest.iter().enumerate().map(|(nth, to)| self.opened(at, nth, *to)).collect();
        let mut rows: Vec<Row> = (1..opened.len()).map(|nth| self.fan_row(at, &opened[..=nth])).collect();
        if rows.is_empty() && (left.is_some() || right.is_some()) {
            rows.push(self.lanes.iter().enumerate().fold(Row::new(), |mut row, (column, lane)| {
                put(&mut row, 2 * column, '|', lane.colour);
                row
            }));
        }
        if let (Some(lane), Some(row)) = (left, rows.first_mut()) {
            put(row, 2 * at - 1, '/', lane.colour);
        }
        if let (Some(lane), Some(row)) = (right, rows.first_mut()) {
            put(row, 2 * at + 1, '\\', lane.colour);
        }
        let behind = self.lanes.split_off(at + 1);
        self.lanes.pop();
        let first_behind = at + opened.len().max(1);
        let columns: Vec<usize> = (0..at + opened.len()).chain(first_behind..first_behind + behind.len()).collect();
        self.lanes.extend(opened);
        self.lanes.extend(behind);
        let widest = columns.last().map_or(0, |column| column + 1);
        self.join(&columns, &mut rows);
        (rows, widest)
    }

    /// The lane to an entry's parent: the entry's own goes on to the first, and one that leads there already has a colour.
    fn opened(&mut self, at: usize, nth: usize, to: usize) -> Lane {
        let known = self.lanes.iter().find(|lane| lane.to == to).map(|lane| lane.colour);
        let colour = match (nth, known) {
            (0, _) => self.lanes[at].colour,
            (_, Some(colour)) => colour,
            (_, None) => self.next_colour(),
        };
        Lane { to, colour }
    }

    /// A row in which the last of the lanes at an entry opens, and all behind it make room.
    fn fan_row(&self, at: usize, opened: &[Lane]) -> Row {
        let mut row = Row::new();
        let last = opened.len() - 1;
        let straight = self.lanes[..at].iter().chain(&opened[..last]);
        straight.enumerate().for_each(|(column, lane)| put(&mut row, 2 * column, '|', lane.colour));
        let aside = opened[last..].iter().chain(&self.lanes[at + 1..]);
        aside.enumerate().for_each(|(nth, lane)| put(&mut row, 2 * (at + last + nth) - 1, '\\', lane.colour));
        row
    }

    /// Draws lanes that lead to one entry together, and closes gaps.
    fn join(&mut self, columns: &[usize], rows: &mut Vec<Row>) {
        let mut kept: Vec<Lane> = Vec::new();
        let mut moving = Vec::new();
        for (lane, column) in self.lanes.iter().zip(columns) {
            let to_column = kept.iter().position(|other| other.to == lane.to).unwrap_or(kept.len());
            if to_column == kept.len() {
                kept.push(*lane);
            }
            moving.push(Moving { colour: kept[to_column].colour, column: *column, to_column });
        }
        self.lanes = kept;
        while moving.iter().any(|lane| lane.column > lane.to_column) {
            let mut row = Row::new();
            for lane in &mut moving {
                match lane.column > lane.to_column {
                    true => {
                        put(&mut row, 2 * lane.column - 1, '/', lane.colour);
                        lane.column -= 1;
                    }
                    false => put(&mut row, 2 * lane.column, '|', lane.colour),
                }
            }
            rows.push(row);
        }
    }
}

/// Takes an item out of a list, and tells whether it was there.
fn take(list: &mut Vec<usize>, item: usize) -> bool {
    let at = list.iter().position(|other| *other == item);
    at.map(|at| list.remove(at)).is_some()
}

fn put(row: &mut Row, at: usize, sign: char, colour: usize) {
    if row.len() <= at {
        row.resize(at + 1, Sign { sign: ' ', colour: 0 });
    }
    row[at] = Sign { sign, colour };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawing of entries that are given as `child: parents`, each a letter.
    fn drawing(history: &[&str]) -> Vec<String> {
        let number = |letter: char| letter as usize;
        let node = |line: &&str| {
            let (id, parents) = line.split_once(':').unwrap();
            Node { id: number(id.chars().next().unwrap()), parents: parents.trim().chars().map(number).collect() }
        };
        let nodes: Vec<Node> = history.iter().map(node).collect();
        let text = |row: &Row| row.iter().map(|sign| sign.sign).collect::<String>();
        let rows = nodes.iter().zip(draw(&nodes)).flat_map(|(node, drawn)| {
            let id = char::from_u32(node.id as u32).unwrap();
            let own = format!("{:width$} {id}", text(&drawn.own), width = drawn.width);
            std::iter::once(own).chain(drawn.below.iter().map(text)).collect::<Vec<_>>()
        });
        rows.collect()
    }

    #[track_caller]
    fn expect(history: &[&str], expected: &[&str]) {
        let drawn = drawing(history);
        assert_eq!(drawn, expected, "\n{}\n", drawn.join("\n"));
    }

    #[test]
    fn a_line_goes_down() {
        expect(&["c: b", "b: a", "a:"], &["* c", "* b", "* a"]);
        expect(&["a:", "b:", "c:"], &["* a", "* b", "* c"]);
        expect(&["c: b", "b: a"], &["* c", "* b"]);
    }

    #[test]
    fn a_fork_joins_again() {
        expect(&["d: bc", "c: a", "b: a", "a:"], &["*   d", "|\\", "| * c", "* | b", "|/", "* a"]);
    }

    #[test]
    fn lanes_close_the_gap_that_a_line_leaves() {
        let drawn = ["* a", "| * b", "| | * c", "| |/", "|/|", "| * s", "|/", "* r"];
        expect(&["a: r", "b: s", "c: r", "s: r", "r:"], &drawn);
        expect(&["a: r", "b: r", "c: r", "r:"], &["* a", "| * b", "|/", "| * c", "|/", "* r"]);
    }

    #[test]
    fn lines_cross() {
        let drawn = ["*   x", "|\\", "| | * y", "| |/|", "| |/", "|/|", "| * b", "* | a", "|/", "* r"];
        expect(&["x: ab", "y: ab", "b: r", "a: r", "r:"], &drawn);
    }

    #[test]
    fn three_heads_join() {
        let drawn = ["*     o", "|\\", "| |\\", "| | * c", "| * | b", "| |/", "* | a", "|/", "* r"];
        expect(&["o: abc", "c: r", "b: r", "a: r", "r:"], &drawn);
        let drawn = [
            "* x",
            "| *     o",
            "| |\\",
            "| | |\\",
            "| | | * c",
            "| | |/",
            "| |/|",
            "|/| |",
            "| | * b",
            "| |/",
            "|/|",
            "| * a",
            "|/",
            "* r",
        ];
        expect(&["x: r", "o: abc", "c: r", "b: r", "a: r", "r:"], &drawn);
    }

    #[test]
    fn a_parent_in_the_next_lane_is_reached_at_once() {
        let drawn = ["*   m", "|\\", "| * c", "* | d", "|\\|", "| * b", "* | e", "|/", "* a"];
        expect(&["m: dc", "c: b", "d: eb", "b: a", "e: a", "a:"], &drawn);
    }

    #[test]
    fn a_lane_keeps_its_colour() {
        let history = [("d", vec![1, 2]), ("c", vec![3]), ("b", vec![3]), ("a", vec![])];
        let nodes: Vec<Node> =
            [0, 2, 1, 3].into_iter().zip(history).map(|(id, (_, parents))| Node { id, parents }).collect();
        let colours: Vec<usize> =
            draw(&nodes).iter().map(|drawn| drawn.own.iter().find(|sign| sign.sign == '*').unwrap().colour).collect();
        assert_eq!(colours, [0, 1, 0, 0]);
    }
}
