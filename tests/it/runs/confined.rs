//! The nightly service's own command line, run under the restrictions that its unit asks for, as far as this machine lets a
//! test set them: a file system that can be read only, a folder of its own for temporary files, no privileges, a umask.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::{Ran, Tenant};

/// What the restrictions are for the shell: the second argument is the folder that the unit may write to.
const CONFINE: &str = "
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/work
mount --bind \"$1\" /mnt/work
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /
cd /mnt/work
umask 0077
shift
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all \"$@\"
";

/// A command under the restrictions.
fn confined(tenant: &Tenant, command: &[&str]) -> Command {
    let folder = tenant.folder().display().to_string();
    let confine = ["unshare", "--map-root-user", "--mount", "sh", "-c", CONFINE, "confine", &folder];
    let mut confined = tenant.command(&[]);
    let variables: Vec<_> =
        confined.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    confined = Command::new(confine[0]);
    confined.args(&confine[1..]).args(command).env_clear();
    for (name, value) in variables {
        confined.env(name, value.unwrap_or_default());
    }
    confined.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    confined
}

fn run(tenant: &Tenant, command: &[&str]) -> Ran {
    Ran::of(confined(tenant, command).output().expect("started"))
}

#[test]
fn the_services_command_line_works_under_the_units_restrictions() {
    let tenant = Tenant::new();
    if !confined(&tenant, &["true"]).output().is_ok_and(|ran| ran.status.success()) {
        eprintln!("this machine lets no test set the restrictions of a unit");
        return;
    }
    let folder = tenant.folder().display().to_string();
    let unit = tenant.run(&["schedule", "systemd"]).exits(0).stdout;
    for restriction in ["UMask=0077", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes"] {
        assert!(unit.lines().any(|line| line == restriction), "{restriction} is not in:\n{unit}");
    }
    let writable = unit.lines().find_map(|line| line.strip_prefix("ReadWritePaths=")).expect("a folder");
    assert_eq!(writable, folder);
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command line");
    let line = line.replace(&folder, "/mnt/work");
    let command: Vec<&str> = line.split(' ').collect();

    assert_ne!(run(&tenant, &["touch", "/etc/hclake-was-here"]).code, 0, "the file system is read-only");
    assert_ne!(run(&tenant, &["umount", "/tmp"]).code, 0, "no privilege is left");
    for night in 1..=2 {
        run(&tenant, &command).exits(0);
        tenant.advance();
        assert_eq!(tenant.number("SELECT count(*) FROM runs"), night);
    }
    tenant.write("hclake.toml", "[archive]\nkeep = \"30d\"\n[dashboard]\nfile = \"page.html\"\n[status]\ntextfile = \"hclake.prom\"\n[publish]\nparquet = \"bi\"\n");
    run(&tenant, &command).exits(0);
    for made in ["hclake.duckdb", "page.html", "hclake.prom", "bi", "hclake.duckdb.archive"] {
        let mode = fs::metadata(tenant.path(made)).expect(made).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{made} is its owner's alone");
    }
    tenant.assert_sound();
}
