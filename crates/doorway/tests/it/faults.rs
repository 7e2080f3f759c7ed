//! A full disk: nothing half-written, nothing acknowledged, nothing lost, and reading goes on.

use std::process::Command;
use std::sync::Arc;

use base::Reach;
use doorway::Limits;

use crate::harness::{House, Person, page};

/// Room of the small disk, in MiB.
const ROOM_MIB: usize = 32;

/// A small disk, unmounted when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: &std::path::Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={ROOM_MIB}m"), "tmpfs"])
            .arg(path)
            .status();
        matches!(done, Ok(status) if status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_goes_on_serving() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let Some(disk) = SmallDisk::mount(&folder.path().join("small")) else {
        println!("left out: a small disk can be mounted by root alone");
        return;
    };
    let house = House::open(folder.clone(), &disk.0.join("data"), Limits::default()).await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    let token = house.token(&ana).await;
    let large = vec![7; ROOM_MIB * 1_024 * 1_024];
    let answer = house.put_blob(&large, &token).await;
    assert_eq!(answer.code(), "CH-0401", "{}", answer.text());
    assert_eq!(house.get("/pages/bread").await.status, 200);
    let hash = base::ContentHash::of(&large);
    assert_eq!(
        house.get_as(&format!("/store/{hash}"), &token).await.status,
        404
    );
    assert_eq!(
        house.put_blob(b"small", &token).await.status,
        201,
        "room is there again"
    );

    let filler = disk.0.join("filler");
    let mut fill = vec![0; 64 * 1_024];
    fill[0] = 1;
    let mut room = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut room, &fill).is_ok() {}
    let mut refused = 0;
    for number in 0..40 {
        ana.create(&page(
            &format!("page-{number}"),
            &"words ".repeat(8_000),
            Reach::Commons,
        ));
        let answer = house.append(ana.key(), &ana.chain).await;
        if answer.status != 200 {
            assert_eq!(answer.code(), "CH-0401", "{}", answer.text());
            refused += 1;
        }
    }
    assert!(refused > 0, "the disk never was full");
    assert_eq!(house.get("/health").await.status, 200);
    assert_eq!(house.get("/pages/bread").await.status, 200);
    drop(room);
    std::fs::remove_file(&filler).unwrap();
    house.publish(&ana).await;
    house.close().await;
    drop(disk);
}
