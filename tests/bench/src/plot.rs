//! Cost against size: a picture and a table.

use std::fmt::Write;

/// One line of a plot: (size, seconds), ascending.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 600.0;
const MARGIN: f64 = 70.0;
const LEGEND: f64 = 300.0;

/// The curves as one SVG picture with logarithmic axes.
pub(crate) fn svg(title: &str, curves: &[Curve]) -> String {
    let all = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let x = Axis::over(all().map(|(x, _)| x), MARGIN, WIDTH - LEGEND);
    let y = Axis::over(all().map(|(_, y)| y), HEIGHT - MARGIN, MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"30\" font-size=\"16\">{title}</text>\n"
    );
    for power in x.powers() {
        let at = x.place(10_f64.powi(power));
        let (top, bottom, label) = (MARGIN, HEIGHT - MARGIN, HEIGHT - MARGIN + 18.0);
        line(&mut svg, [at, top, at, bottom]);
        let _ = writeln!(svg, "<text x=\"{at}\" y=\"{label}\" text-anchor=\"middle\">1e{power}</text>");
    }
    for power in y.powers() {
        let at = y.place(10_f64.powi(power));
        line(&mut svg, [MARGIN, at, WIDTH - LEGEND, at]);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{at}\" text-anchor=\"end\">1e{power} s</text>", MARGIN - 6.0);
    }
    for (at, curve) in curves.iter().enumerate() {
        draw(&mut svg, curve, at, curves.len(), &x, &y);
    }
    svg + "</svg>\n"
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4]) {
    let _ = writeln!(svg, "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"#ddd\"/>");
}

fn draw(svg: &mut String, curve: &Curve, at: usize, count: usize, x: &Axis, y: &Axis) {
    let color = format!("hsl({} 70% 40%)", at * 360 / count.max(1));
    let points: Vec<String> =
        curve.points.iter().map(|(size, cost)| format!("{:.1},{:.1}", x.place(*size), y.place(*cost))).collect();
    let points = points.join(" ");
    let _ = writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
    let (left, top) = (WIDTH - LEGEND + 20.0, MARGIN + 20.0 * at as f64);
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{top}\" fill=\"{color}\">{}</text>", curve.name);
}

/// A logarithmic axis: whole powers of ten, from one place on the picture to another.
struct Axis {
    low: i32,
    high: i32,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (low, high) =
            values.map(f64::log10).fold((f64::MAX, f64::MIN), |(low, high), log| (low.min(log), high.max(log)));
        let low = low.floor() as i32;
        Axis { low, high: (high.ceil() as i32).max(low + 1), from, to }
    }

    fn powers(&self) -> impl Iterator<Item = i32> + use<> {
        self.low..=self.high
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + part * (self.to - self.from)
    }
}

/// The curves as text: nanoseconds per op at each size.
pub(crate) fn table(curves: &[Curve]) -> String {
    let mut text = format!("  {:<38}", "ns per op at n =");
    for (size, _) in curves.first().map_or(&[][..], |curve| &curve.points) {
        let _ = write!(text, "{size:>10}");
    }
    for curve in curves {
        let _ = write!(text, "\n  {:<38}", curve.name);
        for (size, cost) in &curve.points {
            let _ = write!(text, "{:>10.0}", cost / size * 1e9);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenfold_value_is_one_power_further() {
        let axis = Axis::over([10.0, 1000.0].into_iter(), 0.0, 200.0);
        assert_eq!((axis.place(10.0), axis.place(100.0), axis.place(1000.0)), (0.0, 100.0, 200.0));
    }
}
