//! A projection with an earlier schema is searched like a new one.

use base::Reach;

use super::*;
use crate::store::described::reach_number;

const SPILLED: &str = "A long tale of saffron and thyme.";

/// Writes two pages by the second schema: the words of both are in the index, the second has its text in a blob.
fn write_old(connection: &Connection) -> rusqlite::Result<()> {
    for (number, id, words) in [(1, "first", "Bread needs salt."), (2, "second", SPILLED)] {
        connection.execute(
            "INSERT INTO items VALUES (?1, ?2, 'content', 'author', ?1, ?2, ?3, 'Title', ?2, '',
                                       'summary', 'en', '', '[]', 1, 1, 0)",
            params![number, id, reach_number(Reach::Commons)],
        )?;
        connection.execute(
            "INSERT INTO words (rowid, title, summary, body) VALUES (?1, 'Title', 'summary', ?2)",
            params![number, words],
        )?;
    }
    connection.execute("INSERT INTO bodies VALUES ('hash', 'second', 2, 7)", [])?;
    Ok(())
}

#[tokio::test]
async fn words_of_an_earlier_schema_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("projection.db");
    let old = Sqlite::open(&path, &MIGRATIONS[..2], Limits::default()).unwrap();
    old.write(write_old).await.unwrap();
    old.close().await.unwrap();

    let store = SqliteStore::open(&path).unwrap();
    let search = async |text: &str| {
        let query = SearchQuery {
            text: text.to_owned(),
            offset: 0,
            limit: 10,
        };
        let found = store.search(query, &Sight::ANONYMOUS).await.unwrap();
        found
            .hits
            .into_iter()
            .map(|(row, shown)| (row.id, shown))
            .collect::<Vec<_>>()
    };
    let marked = SPILLED.replace("saffron", "\u{2}saffron\u{3}");
    assert_eq!(search("saffron").await, [("second".to_owned(), marked)]);
    // Its record is not here, so what is shown comes from the columns.
    assert_eq!(search("salt").await, [("first".to_owned(), String::new())]);
    assert_eq!(search("title").await.len(), 2);
    store.close().await.unwrap();
}
