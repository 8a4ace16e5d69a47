//! The scanner: what it reads, repairs, cuts and refuses.

use correlate::json::{JsonError, Scanner};

use crate::checks::walk;

fn text(json: &[u8]) -> String {
    Scanner::new(json).string().expect("a string").into_owned()
}

fn whole(json: &[u8]) -> Result<(), JsonError> {
    let mut scanner = Scanner::new(json);
    walk(&mut scanner)?;
    scanner.end()
}

#[test]
fn what_is_skipped_ends_where_it_ends_when_walked() {
    let inside = [
        r#"{"a":[1,{"b":"]}\\"}],"longer than eight":"\\\"{","c":{}}"#,
        r#"["", "\"", "1234567", "12345678", "123456789\\"]"#,
        "[[[]],{}]",
    ];
    for json in inside {
        let input = format!("{json} 7");
        let mut walked = Scanner::new(input.as_bytes());
        let mut skipped = Scanner::new(input.as_bytes());
        assert_eq!(walk(&mut walked), Ok(()), "{json}");
        assert_eq!(skipped.skip(), Ok(json.as_bytes()));
        assert_eq!(skipped.position(), walked.position());
        for cut in 1..json.len() {
            let cut = &json.as_bytes()[..cut];
            assert_eq!(Scanner::new(cut).skip(), Err(JsonError::Truncated), "{json}");
        }
    }
}

#[test]
fn strings_are_unescaped_and_repaired() {
    assert_eq!(text(br#""a\n\"\\\/\u00e9\ud83d\ude00""#), "a\n\"\\/\u{e9}\u{1f600}");
    assert_eq!(text(br#""\ud83d!\ude00""#), "\u{fffd}!\u{fffd}");
    assert_eq!(text(br#""\ud83d\ud83d\ude00""#), "\u{fffd}\u{1f600}");
    assert_eq!(text(b"\"a\xff\xfeb\""), "a\u{fffd}\u{fffd}b");
    assert_eq!(text(br#""\u12""#), "\u{fffd}12");
    for (json, repaired) in
        [(&b"\"a\xff\""[..], true), (br#""\ud83d""#, true), ("\"\u{fffd}\\n\"".as_bytes(), false)]
    {
        let mut scanner = Scanner::new(json);
        scanner.string().expect("a string");
        assert_eq!(scanner.repaired(), repaired, "{}", String::from_utf8_lossy(json));
    }
}

#[test]
fn a_long_name_is_cut() {
    for (json, cut) in [("\"abcd\"", "abc"), ("\"\\u0061bcd\"", "abc"), ("\"abä\"", "ab")] {
        let mut scanner = Scanner::new(json.as_bytes());
        assert_eq!(scanner.name(3).as_deref(), Ok(cut));
        assert!(scanner.repaired());
        let mut scanner = Scanner::new(json.as_bytes());
        assert_eq!(scanner.name(4), Scanner::new(json.as_bytes()).string());
        assert!(!scanner.repaired());
    }
}

#[test]
fn a_broken_value_says_how() {
    assert_eq!(whole(br#"{"a":[1,2,{"b":null}],"c":-1.5e3}"#), Ok(()));
    for cut in [&br#"{"a":[1"#[..], br#"{"a"#, br#"{"a":"b\"#, b"tru", b"", b"{", b"[1,"] {
        assert_eq!(whole(cut), Err(JsonError::Truncated), "{}", String::from_utf8_lossy(cut));
    }
    for good in ["0", "-0", "10", "0.5", "-1.25e+10", "1E9", "2e-3"] {
        assert_eq!(whole(good.as_bytes()), Ok(()), "{good}");
    }
    for bad in ["01", "1.2.3", "1-2", ".5", "1.e3", "+1", "1e+-2", "nul", "truee", "0x10"] {
        assert_eq!(whole(format!("[{bad}]").as_bytes()), Err(JsonError::NotJson), "{bad}");
    }
    for bad in [&b"{a:1}"[..], b"[1 2]", b"{} x", b"nope ", b"{\"a\" 1}", b"[1,]", b"}"] {
        assert_eq!(whole(bad), Err(JsonError::NotJson), "{}", String::from_utf8_lossy(bad));
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = "[".repeat(10_000);
    assert_eq!(whole(deep.as_bytes()), Err(JsonError::TooDeep));
    assert_eq!(Scanner::new(deep.as_bytes()).skip(), Err(JsonError::TooDeep));
    let deepest = "[".repeat(64) + &"]".repeat(64);
    assert_eq!(whole(deepest.as_bytes()), Ok(()));
}
