//! Which names are topics.

use super::*;

#[test]
fn words_with_dots_between_them_are_topics() {
    for text in ["a", "doorway.events", "uhck-1.0.x9", &"a".repeat(LEN_MAX)] {
        let topic = Topic::parse(text).expect("a topic");
        assert_eq!((topic.as_str(), topic.to_string()), (text, text.to_owned()));
    }
}

#[test]
fn what_a_server_might_take_for_something_else_is_none() {
    for text in [
        "", ".", "a.", ".a", "a..b", "A", "a b", "a*", ">", "a\r\nb", "ä", "a_b",
    ] {
        assert_eq!(
            Topic::parse(text),
            Err(TopicError::Malformed(text.to_owned())),
            "{text:?}"
        );
    }
}

#[test]
fn a_topic_has_a_longest_length() {
    let error = Topic::parse(&"a".repeat(LEN_MAX + 1)).expect_err("it is too long");
    assert_eq!(
        error.to_string(),
        "the topic is 129 bytes long; at most 128 are allowed"
    );
}
