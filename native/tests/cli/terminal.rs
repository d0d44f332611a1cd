//! What people see on a terminal: colours, a pager, and a bar for what takes long.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::shell::Shell;

const ROWS: u16 = 24;
const COLUMNS: u16 = 100;
/// How long a screen is waited for.
const LIMIT: Duration = Duration::from_secs(60);

fn size(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).unwrap()
}

/// A terminal with a command in it.
struct Terminal {
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    keys: File,
    reader: JoinHandle<()>,
}

impl Terminal {
    fn start(mut command: Command) -> Terminal {
        let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&own).unwrap();
        unlockpt(&own).unwrap();
        tcsetwinsize(&own, Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&own, Vec::new()).unwrap();
        let side = || {
            let opened = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, rustix::fs::Mode::empty());
            Stdio::from(opened.unwrap())
        };
        command.stdin(side()).stdout(side()).stderr(side()).env("TERM", "xterm-256color");
        let child = command.spawn().unwrap();
        drop(command);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(ROWS), size(COLUMNS), 1000)));
        let shown = Arc::clone(&screen);
        let keys = File::from(own.try_clone().unwrap());
        let reader = std::thread::spawn(move || {
            let (mut own, mut bytes) = (File::from(own), [0; 4096]);
            // The system reports an error when nobody is on the other side any more.
            while let Ok(count @ 1..) = own.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        Terminal { child, screen, keys, reader }
    }

    fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows this.
    fn await_text(&self, text: &str) {
        let until = Instant::now() + LIMIT;
        while !self.contents().contains(text) {
            assert!(Instant::now() < until, "{text:?} never came:\n{}", self.contents());
            std::thread::yield_now();
        }
    }

    /// Types this.
    fn type_in(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// The screen when the command has ended, and its exit code.
    fn end(mut self) -> (i32, vt100::Screen) {
        let code = self.child.wait().unwrap().code().unwrap();
        self.reader.join().unwrap();
        (code, self.screen.lock().unwrap().screen().clone())
    }
}

/// What is on the screen after a command.
fn screen(shell: &Shell, args: &[&str], environment: &[(&str, &str)]) -> vt100::Screen {
    let mut command = shell.command(args);
    command.envs([("PATH", std::env::var("PATH").unwrap())]).envs(environment.iter().copied());
    let (code, screen) = Terminal::start(command).end();
    assert_eq!(code, 0, "{}", screen.contents());
    screen
}

/// The repo `a` with a record.
fn with_record() -> Shell {
    let shell = Shell::with_repo();
    shell.write("a/one", "1\n");
    shell.ok(&["-C", "a", "record", "-m", "Begin"]);
    shell.write("a/one", "2\n");
    shell
}

#[test]
fn long_answers_go_through_the_pager_and_short_ones_do_not() {
    let shell = with_record();
    let marked = [("PAGER", "sed 's/^/page: /'")];
    for long in [&["-C", "a", "log"][..], &["-C", "a", "diff"], &["-C", "a", "ls"]] {
        let shown = screen(&shell, long, &marked).contents();
        assert!(shown.lines().filter(|line| !line.is_empty()).all(|line| line.starts_with("page: ")), "{shown}");
        assert!(shown.contains("page: "), "{long:?}");
    }
    let short = screen(&shell, &["-C", "a", "status"], &marked).contents();
    assert!(short.contains("one") && !short.contains("page: "), "{short}");
    for none in [&["-C", "a", "--no-pager", "log"][..], &["-C", "a", "log", "--json"]] {
        assert!(!screen(&shell, none, &marked).contents().contains("page: "), "{none:?}");
    }
    let own = [marked[0], ("TRELLIS_PAGER", "sed 's/^/own: /'")];
    assert!(screen(&shell, &["-C", "a", "log"], &own).contents().starts_with("own: "));
    for no_pager in ["", "cat", "no-such-pager --really"] {
        let shown = screen(&shell, &["-C", "a", "log"], &[("PAGER", no_pager)]).contents();
        assert!(shown.contains("Begin"), "{no_pager}: {shown}");
    }
    let mut piped = shell.command(&["-C", "a", "log"]);
    piped.envs(marked);
    assert!(!crate::shell::ran(piped).out.contains("page: "), "no pager without a terminal");
}

#[test]
fn a_pager_that_is_left_early_is_no_error() {
    let shell = Shell::with_repo();
    for number in 0..200 {
        shell.write(&format!("a/{number}"), "1\n");
    }
    shell.ok(&["-C", "a", "record"]);
    let shown = screen(&shell, &["-C", "a", "ls", "-v"], &[("PAGER", "head -n 1")]).contents();
    assert_eq!(shown.trim_end().lines().count(), 1, "{shown}");
}

#[test]
fn a_terminal_gets_colours_unless_it_wants_none() {
    let shell = with_record();
    let colours = |environment: &[(&str, &str)], args: &[&str]| {
        let screen = screen(&shell, args, environment);
        let cells = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
        cells.filter(|(row, column)| screen.cell(*row, *column).unwrap().fgcolor() != vt100::Color::Default).count()
    };
    assert!(colours(&[], &["-C", "a", "diff"]) > 0);
    assert_eq!(colours(&[("NO_COLOR", "1")], &["-C", "a", "diff"]), 0);
    assert_eq!(colours(&[], &["-C", "a", "diff", "--color", "never"]), 0);
}

#[test]
fn what_takes_long_shows_a_bar_and_takes_it_away() {
    let shell = with_record();
    let lock = File::options().read(true).write(true).open(shell.path("a/.trellis/index-writer")).unwrap();
    lock.lock().unwrap();
    let terminal = Terminal::start(shell.command(&["-C", "a", "record", "-m", "Edit"]));
    terminal.await_text("Working");
    lock.unlock().unwrap();
    let (code, screen) = terminal.end();
    assert_eq!(code, 0);
    assert!(screen.contents().contains("one") && !screen.contents().contains("Working"), "{}", screen.contents());
}

#[test]
fn who_joins_is_asked_for_the_invitation() {
    let shell = Shell::new();
    let mut terminal = Terminal::start(shell.command(&["join", "ws://127.0.0.1:9", "b"]));
    terminal.await_text("Invitation: ");
    terminal.type_in("hello\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1);
    assert!(screen.contents().contains("error[invalid_argument]: This is no invitation"), "{}", screen.contents());
}
