//! Cuts a text to what a service takes: at the end of a line, with a line that says how many are missing. The caller says
//! what fits.

/// The first lines that fit, all of them where they do. `fits` accepts whatever is shorter than what it accepts.
pub(super) fn shortened(lines: Vec<String>, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
    if fits(&lines) {
        return lines;
    }
    let cut = |kept: usize| -> Vec<String> {
        let left_out = lines.len() - kept;
        let note = if left_out == 1 { "1 more line".to_owned() } else { format!("{left_out} more lines") };
        lines[..kept].iter().cloned().chain([format!("… {note} left out: too long for this service")]).collect()
    };
    let (mut kept, mut too_many) = (0, lines.len());
    while kept + 1 < too_many {
        let middle = usize::midpoint(kept, too_many);
        if fits(&cut(middle)) {
            kept = middle;
        } else {
            too_many = middle;
        }
    }
    cut(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("line {n}")).collect()
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        assert_eq!(shortened(lines(3), |kept| kept.len() <= 3), lines(3));
        assert_eq!(shortened(Vec::new(), |_| true), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_fit_keeps_the_most_lines_that_do_and_counts_the_others() {
        for max in 1..20 {
            let kept = shortened(lines(20), |kept| kept.len() <= max);
            assert_eq!(kept.len(), max);
            assert_eq!(kept[..max - 1], lines(20)[..max - 1]);
            let left_out = 20 - (max - 1);
            assert_eq!(kept[max - 1], format!("… {left_out} more lines left out: too long for this service"));
        }
        assert_eq!(shortened(lines(2), |_| false).len(), 1, "the note alone is left where nothing fits");
    }
}
