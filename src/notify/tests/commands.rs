//! Programs that read a message, fail, hang, or leave children behind.

use std::fs;
use std::path::Path;

use super::super::channel::Command;
use super::super::is_passed_on;
use super::*;
use crate::base::secret::Secret;

/// A shell script in a folder of its own, with the environment of a usual machine and some secrets.
struct Script(tempfile::TempDir);

impl Script {
    fn of(text: &str) -> Script {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("script"), text).unwrap();
        Script(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn channel(&self) -> Channel {
        let env = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", "/home/ops"),
            ("LANG", "C.UTF-8"),
            ("PAGER_KEY", "for the script"),
            ("HUAWEICLOUD_SDK_SK", "canary-1"),
            ("HW_SECRET_KEY", "canary-2"),
            ("CLOUD_SDK_SK", "canary-3"),
            ("HCLAKE_HOOK", "canary-4"),
        ];
        Channel::Command(Command {
            argv: vec!["/bin/sh".into(), self.path("script"), self.0.path().display().to_string(), "a b; c".into()],
            env: env.map(|(name, value)| (name.to_owned(), Secret::new(value))).to_vec(),
        })
    }

    async fn run(&self) -> Delivery {
        delivered(&self.channel(), &[], &SHORT).await.0
    }
}

fn is_alive(pid: &str) -> bool {
    let state = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
    // Dead and not yet seen by its parent is dead too.
    state.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// A killed process is there until the kernel has taken it apart, which takes longer on a busy machine.
async fn is_dead_soon(pid: &str) -> bool {
    for _ in 0..200 {
        if !is_alive(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn a_command_reads_the_message_and_gets_no_secret_of_the_cloud() {
    let script = Script::of("cat > \"$1/stdin\"; env > \"$1/env\"; printf %s \"$2\" > \"$1/arg\"; echo ignored");
    assert_eq!(script.run().await, Delivery::Sent);
    let read = fs::read_to_string(script.path("stdin")).unwrap();
    assert_eq!(read, serde_json::to_string(&message()).unwrap() + "\n");
    assert_eq!(fs::read_to_string(script.path("arg")).unwrap(), "a b; c", "no shell reads the arguments");
    let env = fs::read_to_string(script.path("env")).unwrap();
    for line in ["HOME=/home/ops", "LANG=C.UTF-8", "PAGER_KEY=for the script", "PATH=/usr/local/bin:/usr/bin:/bin"] {
        assert!(env.lines().any(|found| found == line), "{line} in {env}");
    }
    assert!(!env.contains("canary"), "{env}");
    assert!(is_passed_on("HWY") && !is_passed_on("HW_"));
}

#[tokio::test]
async fn a_command_that_fails_is_run_once_and_the_start_of_its_words_is_kept() {
    let script =
        Script::of("cat > /dev/null; echo run >> \"$1/runs\"; printf 'no \\033[31mroute\\nto host' >&2; exit 7");
    let (delivery, waits) = delivered(&script.channel(), &[], &SHORT).await;
    assert_eq!(failed(delivery), r"/bin/sh: exited with 7: no \u{1b}[31mroute\nto host");
    assert_eq!((fs::read_to_string(script.path("runs")).unwrap().as_str(), waits.len()), ("run\n", 0));
    let why = failed(Script::of("yes long | head -c 3000000 >&2; exit 1").run().await);
    assert_eq!(
        why.len(),
        "/bin/sh: exited with 1: ".len() + 1024 + 204,
        "1,024 bytes, each end of a line as two characters"
    );
    assert_eq!(failed(Script::of("kill -9 $$").run().await), "/bin/sh: was ended by signal 9");
}

#[tokio::test]
async fn a_command_need_not_read_its_input() {
    let large = Message { digest: vec!["x".repeat(1_000_000)], ..message() };
    let clock: SharedClock = Quick::new();
    for text in ["exit 0", "exec <&-; sleep 0.2"] {
        let channel = Script::of(text);
        assert_eq!(deliver(&channel.channel(), &large, &[], &SHORT, &clock).await, Delivery::Sent, "{text}");
    }
    let reads = Script::of("wc -c > \"$1/size\"");
    assert_eq!(deliver(&reads.channel(), &large, &[], &SHORT, &clock).await, Delivery::Sent);
    let size: usize = fs::read_to_string(reads.path("size")).unwrap().trim().parse().unwrap();
    assert_eq!(size, serde_json::to_string(&large).unwrap().len() + 1);
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_named() {
    let command = |argv: &[&str]| {
        Channel::Command(Command { argv: argv.iter().map(|arg| arg.to_string()).collect(), env: Vec::new() })
    };
    let (missing, _) = delivered(&command(&["/nowhere/notify"]), &[], &SHORT).await;
    assert_eq!(failed(missing), "/nowhere/notify: cannot be started: No such file or directory (os error 2)");
    assert_eq!(failed(delivered(&command(&[]), &[], &SHORT).await.0), "the command is empty");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_with_its_children() {
    let polite = Script::of(
        "trap 'echo asked > \"$1/asked\"; exit' TERM; sleep 100 & echo $! > \"$1/child\"; echo $$ > \"$1/leader\"; wait",
    );
    assert_eq!(unknown(polite.run().await), "/bin/sh: ran longer than 3 s and was ended");
    assert!(Path::new(&polite.path("asked")).exists(), "it is asked to end before it is forced to");
    let deaf = Script::of("trap '' TERM; sleep 100 & echo $! > \"$1/child\"; echo $$ > \"$1/leader\"; wait; wait");
    unknown(deaf.run().await);
    for script in [&polite, &deaf] {
        for name in ["leader", "child"] {
            let pid = fs::read_to_string(script.path(name)).unwrap();
            assert!(is_dead_soon(&pid).await, "{name} {pid}");
        }
    }
}

#[tokio::test]
async fn a_child_that_stays_does_not_hold_up_a_command_that_ended() {
    let script = Script::of("sleep 100 & echo $! > \"$1/child\"; echo gone >&2; exit 3");
    assert_eq!(failed(script.run().await), "/bin/sh: exited with 3: gone", "the limit was not reached");
    let pid = fs::read_to_string(script.path("child")).unwrap();
    assert!(is_alive(&pid), "what a command leaves behind in time is its own business");
    let child = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}
