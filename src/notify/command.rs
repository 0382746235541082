//! Runs a program that reads the message: JSON on its standard input, no shell, a bounded time, an environment without
//! hclake's own secrets. It runs it once, since nobody knows what a program did before it failed.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::timeout;

use super::attempt::Attempt;
use super::channel::Command;
use super::message::Message;
use super::text::line;

/// Between the request to end and the end by force.
const GRACE: Duration = Duration::from_secs(2);
/// For words that are still on their way when the program has ended. A child of its own may hold the pipe for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Kept of what it wrote to its standard error.
const STDERR_BYTES_MAX: usize = 1024;
/// Beginnings of the names of variables that may hold secrets or settings of hclake and of the cloud's own programs.
const WITHHELD: [&str; 4] = ["HUAWEICLOUD_", "HW_", "CLOUD_SDK_", "HCLAKE_"];

/// Whether a program gets the variable of this name.
pub fn is_passed_on(name: &str) -> bool {
    !WITHHELD.iter().any(|beginning| name.starts_with(beginning))
}

/// Runs the program to its end, or ends it and its children after `limit`.
pub(super) async fn run(command: &Command, message: &Message, limit: Duration) -> Attempt {
    let [program, args @ ..] = command.argv.as_slice() else {
        return Attempt::Refused("the command is empty".to_owned());
    };
    let json = match serde_json::to_vec(message) {
        Ok(json) => [json.as_slice(), b"\n"].concat(),
        Err(error) => return Attempt::Refused(format!("the message cannot be written as JSON: {error}")),
    };
    let passed_on = command.env.iter().filter(|(name, _)| is_passed_on(name));
    let started = tokio::process::Command::new(program)
        .args(args)
        .env_clear()
        .envs(passed_on.map(|(name, value)| (name, value.expose())))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    match started {
        Ok(child) => {
            ended(child, &json, limit).await.explained(|why| format!("{}: {why}", line(program, STDERR_BYTES_MAX)))
        }
        Err(error) => Attempt::Refused(format!("{}: cannot be started: {error}", line(program, STDERR_BYTES_MAX))),
    }
}

async fn ended(mut child: Child, json: &[u8], limit: Duration) -> Attempt {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let stdin = child.stdin.take();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // A program need not read its input: a pipe that it closed is no failure.
            let _ = stdin.write_all(json).await;
        }
    };
    let (stderr, mut said) = (child.stderr.take(), Vec::new());
    let hear = async {
        if let Some(stderr) = stderr {
            keep_first(stderr, &mut said).await;
        }
    };
    let mut pipes = Box::pin(async {
        tokio::join!(feed, hear);
    });
    let end = timeout(limit, async {
        tokio::select! {
            status = child.wait() => (status, false),
            () = &mut pipes => (child.wait().await, true),
        }
    });
    match end.await {
        Ok((Ok(status), are_closed)) => {
            if !are_closed {
                let _ = timeout(LAST_WORDS, &mut pipes).await;
            }
            drop(pipes);
            meaning(status, &said)
        }
        Ok((Err(error), _)) => Attempt::Unknown(format!("its end was not seen: {error}")),
        Err(_) => {
            end_group(&mut child, group).await;
            Attempt::Unknown(format!("ran longer than {} s and was ended", limit.as_secs_f64()))
        }
    }
}

/// Asks the program and its children to end, and forces those that do not.
async fn end_group(child: &mut Child, group: Option<Pid>) {
    let Some(group) = group else { return };
    // An error means that there is nobody left to end.
    let _ = kill_process_group(group, Signal::TERM);
    let _ = timeout(GRACE, child.wait()).await;
    let _ = kill_process_group(group, Signal::KILL);
    let _ = timeout(GRACE, child.wait()).await;
}

/// Reads to the end, so that the writer never waits, and keeps the beginning.
async fn keep_first(mut pipe: impl AsyncRead + Unpin, kept: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = STDERR_BYTES_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
}

fn meaning(status: ExitStatus, said: &[u8]) -> Attempt {
    if status.success() {
        return Attempt::Sent;
    }
    let end = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        _ => "failed".to_owned(),
    };
    let said = String::from_utf8_lossy(said);
    match said.trim() {
        "" => Attempt::Refused(end),
        said => Attempt::Refused(format!("{end}: {}", line(said, STDERR_BYTES_MAX))),
    }
}
