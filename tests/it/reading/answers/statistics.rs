//! Wilson's interval, Fisher's exact test, Poisson's tail and the correction of Benjamini and Hochberg, written as in a
//! textbook. They know no report.

/// 5 %, and what sums are rounded by.
pub const LEVEL: f64 = 0.05 + 1e-9;

pub fn wilson(hits: i64, total: i64) -> Option<(f64, f64)> {
    let z = 1.959_963_984_540_054_f64;
    let (n, p) = (total as f64, hits as f64 / total as f64);
    let middle = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (total > 0).then(|| (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0)))
}

fn ln_factorial(n: i64) -> f64 {
    (2..=n).map(|k| (k as f64).ln()).sum()
}

fn ln_choose(n: i64, k: i64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

pub fn fisher([hits1, total1, hits2, total2]: [i64; 4]) -> Option<f64> {
    let hits = hits1 + hits2;
    let share = |k: i64| (ln_choose(total1, k) + ln_choose(total2, hits - k) - ln_choose(total1 + total2, hits)).exp();
    let seen = share(hits1) * (1.0 + 1e-7);
    let outcomes = 0.max(hits - total2)..=total1.min(hits);
    (total1 > 0 && total2 > 0).then(|| outcomes.map(share).filter(|p| *p <= seen).sum::<f64>().min(1.0))
}

/// The probability of at least so many.
pub fn poisson_tail(hits: i64, expected: f64) -> f64 {
    let below = |k: i64| (k as f64 * expected.ln() - expected - ln_factorial(k)).exp();
    if hits > 0 && expected <= 0.0 { 0.0 } else { (1.0 - (0..hits).map(below).sum::<f64>()).max(0.0) }
}

/// Corrects chances for their number.
pub fn corrected(chances: &[f64]) -> Vec<f64> {
    let rank = |p: f64| chances.iter().filter(|other| **other <= p).count() as f64;
    let scaled = |p: f64| p * chances.len() as f64 / rank(p);
    let least = |p: f64| chances.iter().filter(|other| **other >= p).map(|other| scaled(*other)).fold(1.0, f64::min);
    chances.iter().map(|p| least(*p)).collect()
}

/// What is said of each group: its trend and its evidence.
pub fn judged(groups: &[[i64; 4]]) -> Vec<(&'static str, Option<f64>)> {
    let is_evidence = |group: [i64; 4]| fisher(group).is_some_and(|p| p <= LEVEL);
    let can_show = |[_, total1, hits2, total2]: [i64; 4]| {
        is_evidence([total1, total1, hits2, total2]) || is_evidence([0, total1, hits2, total2])
    };
    let is_testable = |[hits1, total1, hits2, total2]: [i64; 4]| {
        let (hits, most) = (hits1 + hits2, total1.min(hits1 + hits2));
        let fewest = 0.max(hits - total2);
        is_evidence([most, total1, hits - most, total2]) || is_evidence([fewest, total1, hits - fewest, total2])
    };
    let tested: Vec<[i64; 4]> = groups.iter().copied().filter(|group| is_testable(*group)).collect();
    let chances: Vec<f64> = tested.iter().filter_map(|group| fisher(*group)).collect();
    let mut adjusted = corrected(&chances).into_iter();
    let judge = |group: &[i64; 4]| {
        let [hits1, total1, hits2, total2] = *group;
        let q = if is_testable(*group) { adjusted.next() } else { None };
        let trend = match q {
            Some(q) if q <= LEVEL && hits1 * total2 > hits2 * total1 => "worse",
            Some(q) if q <= LEVEL => "better",
            _ if can_show(*group) => "no clear change",
            _ => "too few",
        };
        (trend, can_show(*group).then(|| 1.0 - q.unwrap_or(1.0)))
    };
    groups.iter().map(judge).collect()
}

/// A quantile between places; `None` of nothing.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}
