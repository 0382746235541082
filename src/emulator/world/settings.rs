//! The settings of a world: its seed, its start, its projects, and how many records each list has.

use crate::base::clock::Timestamp;

/// 2026-11-20T18:00:00Z
const START: Timestamp = Timestamp(1_795_197_600_000_000);

/// What a world is made from: equal settings make equal worlds.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// Decides everything that looks random.
    pub seed: u64,
    /// When the world starts: no record is younger.
    pub start: Timestamp,
    /// The only one that the world knows.
    pub region: String,
    /// The first carries the region's name, the others are projects under it.
    pub iam_project_ids: Vec<String>,
    /// Each has applications and tasks of its own.
    pub codearts_project_ids: Vec<String>,
    /// Records at the start, for each project (and job type).
    pub install_jobs: usize,
    /// App Center applications at the start, for each IAM project.
    pub apps: usize,
    /// CodeArts Deploy applications at the start, for each CodeArts project.
    pub deploy_apps: usize,
    /// Image jobs at the start, for each IAM project.
    pub image_jobs: usize,
    /// Jobs of SWR Enterprise at the start, for each IAM project.
    pub swr_jobs: usize,
    /// Records of any list that is not built in.
    pub other_rows: usize,
    /// Records of any list that is read for each record of another: about so many for each, at the start.
    pub children: usize,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            start: START,
            region: "ap-southeast-3".to_owned(),
            iam_project_ids: vec!["0a1b2c3d4e5f60718293a4b5c6d7e8f9".to_owned()],
            codearts_project_ids: vec!["332f53cbabc44863a46ce6b4f82a9fe7".to_owned()],
            install_jobs: 6_000,
            apps: 112,
            deploy_apps: 160,
            image_jobs: 130,
            swr_jobs: 230,
            other_rows: 250,
            children: 6,
        }
    }
}
