//! A bucket in memory: names, versions and limits. What a server answers is tested against one.

use std::io::Write as _;

use object_store::memory::InMemory;

use super::*;

fn bucket(prefix: &str) -> Bucket {
    let place = BucketPlace { bucket: "lake".into(), prefix: prefix.into() };
    Bucket::over(Arc::new(InMemory::new()), place).unwrap()
}

#[test]
fn names_are_below_the_prefix_and_nothing_else_is_seen() {
    let whole = bucket("");
    let store = Arc::clone(whole.store());
    let place = |prefix: &str| BucketPlace { bucket: "lake".into(), prefix: prefix.into() };
    let part = Bucket::over(Arc::clone(&store), place("a/b")).unwrap();
    let other = Bucket::over(store, place("a/bc")).unwrap();
    part.put("x/closed_month=2026-05/p.parquet", b"one".to_vec(), Put::Replace).unwrap();
    other.put("y", b"two".to_vec(), Put::Replace).unwrap();
    let names = |bucket: &Bucket, below: &str| bucket.list(below).unwrap().into_keys().collect::<Vec<_>>();
    assert_eq!(names(&part, ""), ["x/closed_month=2026-05/p.parquet"]);
    assert_eq!(names(&part, "x"), ["x/closed_month=2026-05/p.parquet"]);
    assert_eq!(names(&whole, ""), ["a/b/x/closed_month=2026-05/p.parquet", "a/bc/y"]);
    assert!(part.read("y").unwrap().is_none());
    assert_eq!(part.read("x/closed_month=2026-05/p.parquet").unwrap().unwrap().0, b"one");
    part.remove(&names(&part, "")).unwrap();
    assert!(part.is_empty().unwrap() && !other.is_empty().unwrap());
}

#[test]
fn a_condition_decides_whether_an_object_is_put() {
    let bucket = bucket("p");
    let first = bucket.put("m", b"1".to_vec(), Put::Create).unwrap().unwrap();
    assert_eq!(bucket.put("m", b"2".to_vec(), Put::Create).unwrap(), None);
    assert!(bucket.put("m", b"3".to_vec(), Put::Update(first.etag.clone().unwrap())).unwrap().is_some());
    assert_eq!(bucket.put("m", b"4".to_vec(), Put::Update(first.etag.unwrap())).unwrap(), None);
    assert_eq!(bucket.read("m").unwrap().unwrap().0, b"3");
}

#[test]
fn a_large_file_is_put_in_parts_and_comes_back_whole() {
    let bucket = bucket("p");
    for bytes in [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5] {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..bytes).map(|at| (at / 1024 + at) as u8).collect();
        file.write_all(&content).unwrap();
        assert_eq!(bucket.upload("f", &mut file).unwrap().bytes, bytes as u64);
        let mut copy = tempfile::tempfile().unwrap();
        bucket.download("f", &mut copy).unwrap();
        copy.rewind().unwrap();
        let mut read = Vec::new();
        copy.read_to_end(&mut read).unwrap();
        assert!(read == content, "{bytes} bytes");
    }
}

#[test]
fn a_service_that_does_all_is_said_to_and_the_probes_leave_nothing() {
    let bucket = bucket("p");
    bucket.put("mine", b"1".to_vec(), Put::Replace).unwrap();
    let verdicts = probe(&bucket, "t");
    assert_eq!(verdicts.len(), 10);
    assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Works), "{verdicts:?}");
    assert_eq!(bucket.list("").unwrap().into_keys().collect::<Vec<_>>(), ["mine"]);
}

#[test]
fn the_host_names_the_bucket_where_it_belongs_there() {
    let place = BucketPlace { bucket: "lake".into(), prefix: "x".into() };
    let obs = "https://obs.cn-north-4.myhuaweicloud.com/";
    assert_eq!(address(obs, &place, true), "https://lake.obs.cn-north-4.myhuaweicloud.com");
    assert_eq!(address("http://127.0.0.1:9000", &place, false), "http://127.0.0.1:9000");
}

#[test]
fn requests_can_be_waited_for_inside_another_runtime() {
    let outer = tokio::runtime::Builder::new_current_thread().build().unwrap();
    outer.block_on(async {
        let bucket = bucket("p");
        bucket.put("a", b"1".to_vec(), Put::Replace).unwrap().unwrap();
    });
}
