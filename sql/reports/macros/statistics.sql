-- What reports say of rates: Wilson's interval of one rate, and Fisher's exact test of two, corrected for as many groups
-- as are compared (Benjamini and Hochberg).

-- The level at which "worse" and "better" are said: of the groups that are called so, 5 % at most are wrong on average.
CREATE OR REPLACE TEMP MACRO level() AS 0.05;

-- The ends of the 95 % interval of a rate, as shares from 0 to 1; NULL where nothing was counted.
CREATE OR REPLACE TEMP MACRO wilson_low(hits, total) AS CASE WHEN total > 0 THEN greatest(0,
    (hits + 1.9207294103470625 - 1.959963984540054 * sqrt(hits * (total - hits) / total + 0.9603647051735312))
        / (total + 3.841458820694125)) END;
CREATE OR REPLACE TEMP MACRO wilson_high(hits, total) AS CASE WHEN total > 0 THEN least(1,
    (hits + 1.9207294103470625 + 1.959963984540054 * sqrt(hits * (total - hits) / total + 0.9603647051735312))
        / (total + 3.841458820694125)) END;

CREATE OR REPLACE TEMP MACRO ln_choose(total, hits) AS lgamma(total + 1) - lgamma(hits + 1) - lgamma(total - hits + 1);

-- The natural logarithm of how likely it is that `hits` of `total` fall on a group, of all that were shared out by chance.
CREATE OR REPLACE TEMP MACRO ln_share(hits, total, all_hits, other_total) AS
    ln_choose(total, hits) + ln_choose(other_total, all_hits - hits) - ln_choose(total + other_total, all_hits);

-- Fisher's exact test, two-sided: how often two groups with one rate differ by chance as much as these, or more.
-- The factor lets outcomes that are equally likely count as such although their logarithms are rounded.
CREATE OR REPLACE TEMP MACRO fisher_exact(hits1, total1, hits2, total2) AS CASE WHEN total1 > 0 AND total2 > 0 THEN
    least(1, list_sum([
        exp(_hclake_share) FOR _hclake_share IN [
            ln_share(_hclake_hits, total1, hits1 + hits2, total2)
            FOR _hclake_hits IN range(greatest(0, hits1 + hits2 - total2)::BIGINT, least(total1, hits1 + hits2)::BIGINT + 1)
        ]
        IF _hclake_share <= ln_share(hits1, total1, hits1 + hits2, total2) + 1e-7
    ])) END;

-- The least that the test could have given for two groups of these sizes with so many hits between them.
CREATE OR REPLACE TEMP MACRO fisher_least(total1, total2, all_hits) AS CASE WHEN total1 > 0 AND total2 > 0 THEN
    least(
        fisher_exact(least(total1, all_hits), total1, all_hits - least(total1, all_hits), total2),
        fisher_exact(greatest(0, all_hits - total2), total1, all_hits - greatest(0, all_hits - total2), total2)
    ) END;

-- How likely it is that at least so many happen of what happens `expected` times on average (Poisson).
CREATE OR REPLACE TEMP MACRO poisson_at_least(hits, expected) AS CASE
    WHEN hits <= 0 THEN 1
    WHEN expected <= 0 THEN 0
    WHEN hits > expected THEN least(1, list_sum([
        exp(_hclake_hits * ln(expected) - expected - lgamma(_hclake_hits + 1))
        FOR _hclake_hits IN range(hits::BIGINT, hits::BIGINT + 200 + (10 * sqrt(expected))::BIGINT)]))
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
                coalesce(fisher_least(finished_now, finished_before, failed_now + failed_before) <= level(), false)
                    AS _hclake_is_testable,
                coalesce(fisher_exact(finished_now, finished_now, failed_before, finished_before) <= level()
                    OR fisher_exact(0, finished_now, failed_before, finished_before) <= level(), false)
                    AS _hclake_can_show
            FROM query_table(counted)
        )
    )
);
