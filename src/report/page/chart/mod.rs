//! Charts as plain SVG: pure functions of numbers, which need no script and no style but the page's. Each has a title and a
//! description for those who do not see it, and each mark says its numbers where one points at it.

pub(super) mod scale;
pub(super) mod strip;
pub(super) mod trend;
