-- What reports say of rates: Wilson's interval of one rate, and Fisher's exact test of two, corrected for as many groups
-- as are compared (Benjamini and Hochberg).

-- The level at which "worse" and "better" are said: of the groups that are called so, 5 % at most are wrong on average.
-- A chance of 5 % exactly counts as such although sums of logarithms are rounded.
CREATE OR REPLACE TEMP MACRO level() AS 0.05 + 1e-9;

-- The ends of the 95 % interval of a rate, as shares from 0 to 1; NULL where nothing was counted.
CREATE OR REPLACE TEMP MACRO wilson_low(hits, total) AS CASE WHEN total > 0 THEN greatest(0,
    (hits + 1.9207294103470625 - 1.959963984540054 * sqrt(hits * (total - hits) / total + 0.9603647051735312))
        / (total + 3.841458820694125)) END;
CREATE OR REPLACE TEMP MACRO wilson_high(hits, total) AS CASE WHEN total > 0 THEN least(1,
    (hits + 1.9207294103470625 + 1.959963984540054 * sqrt(hits * (total - hits) / total + 0.9603647051735312))
        / (total + 3.841458820694125)) END;

-- A rate with what it was counted from, as text: `3/120 2.5 %`; NULL where nothing was counted.
CREATE OR REPLACE TEMP MACRO rate_of(hits, total) AS CASE WHEN total > 0 THEN
    hits || '/' || total || ' ' || round(100 * hits / total, 1) || ' %' END;

-- How the natural logarithm of the chance of `hits` in the first of two groups varies with it, where all hits are shared
-- out by chance; `all_hits` and `difference` (all hits less the size of the second group) stay the same.
CREATE OR REPLACE TEMP MACRO ln_share(hits, total, all_hits, difference) AS
    -lgamma(hits + 1) - lgamma(total - hits + 1) - lgamma(all_hits - hits + 1) - lgamma(hits - difference + 1);

-- Fisher's exact test, two-sided: how often two groups with one rate differ by chance as much as these, or more.
-- The list of one makes DuckDB compute what does not vary once a row. Outcomes that are equally likely count as such
-- although their logarithms are rounded, which 1e-7 allows for.
CREATE OR REPLACE TEMP MACRO fisher_exact(hits1, total1, hits2, total2) AS CASE WHEN total1 > 0 AND total2 > 0 THEN
    list_transform([{
        'seen': ln_share(hits1, total1, hits1 + hits2, hits1 + hits2 - total2),
        'scale': lgamma(total1 + 1) + lgamma(total2 + 1) + lgamma(hits1 + hits2 + 1)
            + lgamma(total1 + total2 - hits1 - hits2 + 1) - lgamma(total1 + total2 + 1),
        'shares': [
            ln_share(_hclake_hits, total1, hits1 + hits2, hits1 + hits2 - total2)
            FOR _hclake_hits IN range(greatest(0, hits1 + hits2 - total2)::BIGINT, least(total1, hits1 + hits2)::BIGINT + 1)
        ]
    }], lambda _hclake_test: least(1, list_sum([
        exp(_hclake_share + _hclake_test.scale) FOR _hclake_share IN _hclake_test.shares
        IF _hclake_share <= _hclake_test.seen + 1e-7
    ])))[1] END;

-- Whether some outcome of two groups of these sizes, with so many hits between them, could have been evidence. With ten
-- or more of everything, one could.
CREATE OR REPLACE TEMP MACRO is_testable(total1, total2, all_hits) AS CASE
    WHEN total1 <= 0 OR total2 <= 0 THEN false
    WHEN least(total1, total2, all_hits, total1 + total2 - all_hits) >= 10 THEN true
    ELSE least(
        fisher_exact(least(total1, all_hits), total1, all_hits - least(total1, all_hits), total2),
        fisher_exact(greatest(0, all_hits - total2), total1, all_hits - greatest(0, all_hits - total2), total2)
    ) <= level() END;

-- Whether the worst or the best outcome of a group would have been evidence beside another. With ten or more in both, one
-- would.
CREATE OR REPLACE TEMP MACRO can_show(total1, hits2, total2) AS CASE
    WHEN total1 <= 0 OR total2 <= 0 THEN false
    WHEN least(total1, total2) >= 10 THEN true
    ELSE least(fisher_exact(total1, total1, hits2, total2), fisher_exact(0, total1, hits2, total2)) <= level() END;

-- How likely it is that at least so many happen of what happens `expected` times on average (Poisson).
CREATE OR REPLACE TEMP MACRO poisson_at_least(hits, expected) AS CASE
    WHEN hits <= 0 THEN 1
    WHEN expected <= 0 THEN 0
    WHEN hits > expected THEN least(1, list_sum([
        exp(_hclake_hits * ln(expected) - expected - lgamma(_hclake_hits + 1))
        FOR _hclake_hits IN range(hits::BIGINT, hits::BIGINT + 30 + (10 * sqrt(expected))::BIGINT)]))
    ELSE greatest(0, 1 - list_sum([
        exp(_hclake_hits * ln(expected) - expected - lgamma(_hclake_hits + 1)) FOR _hclake_hits IN range(0, hits::BIGINT)]))
    END;

-- The rows of a query with the columns failed_now, finished_now, failed_before and finished_before, and for each what can
-- be said of its rate: `trend` (worse, better, no clear change, too few) and `evidence`, which is 1 less the chance that
-- a group without a change looks like this, corrected. Groups in which no outcome could have been evidence are not
-- counted among those compared.
CREATE OR REPLACE TEMP MACRO judged(counted) AS TABLE
SELECT * EXCLUDE (_hclake_p, _hclake_is_testable, _hclake_can_show, _hclake_adjusted),
    CASE
        WHEN _hclake_is_testable AND _hclake_adjusted <= level()
            THEN if(failed_now * finished_before > failed_before * finished_now, 'worse', 'better')
        WHEN _hclake_can_show THEN 'no clear change'
        ELSE 'too few'
    END AS trend,
    CASE WHEN _hclake_can_show THEN round(1 - if(_hclake_is_testable, _hclake_adjusted, 1), 4) END AS evidence
FROM (
    SELECT * EXCLUDE (_hclake_scaled), least(1, min(_hclake_scaled) OVER (
        PARTITION BY _hclake_is_testable ORDER BY _hclake_p DESC RANGE UNBOUNDED PRECEDING)) AS _hclake_adjusted
    FROM (
        SELECT *, _hclake_p * count(*) OVER (PARTITION BY _hclake_is_testable)
            / row_number() OVER (PARTITION BY _hclake_is_testable ORDER BY _hclake_p) AS _hclake_scaled
        FROM (
            SELECT *,
                fisher_exact(failed_now, finished_now, failed_before, finished_before) AS _hclake_p,
                is_testable(finished_now, finished_before, failed_now + failed_before) AS _hclake_is_testable,
                can_show(finished_now, failed_before, finished_before) AS _hclake_can_show
            FROM query_table(counted)
        )
    )
);

-- The rows of a query with the chance `p` of each, and `q`: that chance corrected for the number of rows that have one, by
-- the method of Benjamini and Hochberg.
CREATE OR REPLACE TEMP MACRO corrected(tested) AS TABLE
SELECT * EXCLUDE (_hclake_scaled),
    CASE WHEN p IS NOT NULL THEN least(1, min(_hclake_scaled) OVER (ORDER BY p DESC NULLS LAST RANGE UNBOUNDED PRECEDING))
    END AS q
FROM (
    SELECT *, p * count(p) OVER () / row_number() OVER (ORDER BY p NULLS LAST) AS _hclake_scaled FROM query_table(tested)
);
