//! Explanations that their limit of work stops, beside whole ones.

use bopis_promise::{Part, Rejection};

use crate::brute::cases::{random_case, WORK};

#[test]
fn an_explanation_that_is_stopped_says_where_and_claims_no_cause_that_is_none() {
    let (mut stopped, mut whole) = (0, 0);
    for seed in 0..600 {
        let mut case = random_case(seed);
        case.ask.all_or_nothing = true;
        let chosen = case.best();
        let full = case.explain(&chosen, WORK);
        for work_limit in [1, 4, 12] {
            let partial = case.explain(&chosen, work_limit);
            for (one, known) in partial.rejected.iter().zip(&full.rejected) {
                assert_eq!(one.node_id, known.node_id);
                if one.rejection == Rejection::Stopped {
                    assert!(partial.incomplete.contains(&Part::Rejected), "seed {seed}");
                    stopped += 1;
                }
                if one.rejection == Rejection::NotWhole {
                    assert_eq!(known.rejection, Rejection::NotWhole, "seed {seed}");
                    whole += 1;
                }
            }
            if partial.incomplete.is_empty() {
                assert_eq!(partial.rejected, full.rejected, "seed {seed}");
                assert_eq!(partial.flips, full.flips, "seed {seed}");
                assert_eq!(partial.others, full.others, "seed {seed}");
                assert_eq!(partial.lacking, full.lacking, "seed {seed}");
            }
        }
    }
    assert!(stopped > 20 && whole > 20, "{stopped} {whole}");
}
