//! Spans as the text of a scenario's `trace.txt`: written from the contract, apart from the
//! program's printer.

use std::fmt::Write;

use correlate::rules::rank;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::run::{Span, text};

const MILLISECOND: u64 = 1_000_000;

/// One line a span, traces apart by an empty line.
pub fn tree(spans: &[Span]) -> String {
    let mut roots: Vec<_> =
        spans.iter().filter(|span| span.span.parent_span_id.is_empty()).collect();
    roots.sort_by_key(|root| (root.span.start_time_unix_nano, &root.span.trace_id));
    let traces = roots.into_iter().map(|root| {
        let trace = spans.iter().filter(|span| span.span.trace_id == root.span.trace_id).collect();
        let mut printer = Printer { trace, root, lines: 0, text: String::new() };
        printer.print(root, 0, None);
        printer.text
    });
    traces.collect::<Vec<_>>().join("\n")
}

struct Printer<'a> {
    trace: Vec<&'a Span>,
    root: &'a Span,
    lines: usize,
    text: String,
}

impl<'a> Printer<'a> {
    fn print(&mut self, span: &'a Span, depth: usize, parent: Option<usize>) {
        let number = self.lines;
        self.lines += 1;
        let line = self.line(span, number, parent);
        let indent = "  ".repeat(depth);
        writeln!(self.text, "{indent}{line}").expect("a String takes all");
        for link in &span.span.links {
            let kind = text(&link.attributes, "kspan.link.kind");
            let trace = u128::from_be_bytes(link.trace_id[..].try_into().expect("16 bytes"));
            writeln!(self.text, "{indent}~ {kind} {trace:032x}").expect("a String takes all");
        }
        let mut children: Vec<_> = self
            .trace
            .iter()
            .copied()
            .filter(|child| child.span.parent_span_id == span.span.span_id)
            .collect();
        children.sort_by_key(|child| {
            let rank = rank(child.attribute("k8s.event.reason"));
            (child.span.start_time_unix_nano, rank, &child.span.span_id)
        });
        for child in children {
            self.print(child, depth + 1, Some(number));
        }
    }

    fn line(&self, span: &Span, number: usize, parent: Option<usize>) -> String {
        let (start, end) = (span.span.start_time_unix_nano, span.span.end_time_unix_nano);
        let offset = seconds(start - self.root.span.start_time_unix_nano);
        let parent = parent.map_or_else(String::new, |parent| format!(" ({parent})"));
        let failed =
            span.span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
        let error = if failed { " ERROR" } else { "" };
        let (service, name, length) = (span.service(), &span.span.name, seconds(end - start));
        let head = format!("{number}: {service} {name}{parent} [+{offset} {length}{error}]");
        match span.attribute("k8s.event.message") {
            "" => head,
            message => format!("{head} {}", escaped(message)),
        }
    }
}

/// Control characters as `\\n`, `\\r`, `\\t` or `\\x1b`.
fn escaped(text: &str) -> String {
    let escape = |character: char| match character {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        control if control.is_control() => format!("\\x{:02x}", u32::from(control)),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

fn seconds(nanos: u64) -> String {
    let milliseconds = (nanos + MILLISECOND / 2) / MILLISECOND;
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}
