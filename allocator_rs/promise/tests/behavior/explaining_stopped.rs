//! Explanations that their limit of work stops, beside whole ones.

use bopis_promise::{ExplainAsk, Explained, Part, Plan, QuotedGroup, Rejection};

use crate::brute::cases::{random_case, Case};
use crate::town;

fn in_force(plan: &Plan) -> Vec<QuotedGroup> {
    let groups = plan.groups.iter();
    groups
        .map(|group| QuotedGroup {
            node_id: group.node_id.clone(),
            method: group.method,
            line_numbers: group.line_numbers.clone(),
            window_start_s: group.window_start_s,
            ready_s: group.ready_s,
        })
        .collect()
}

fn explain(work_limit: u64, case: &Case, chosen: &Plan) -> Explained {
    let asked = ExplainAsk {
        ask: case.ask.clone(),
        in_force: in_force(chosen),
        plans_max: 10,
        nodes_max: 10,
        flips_max: 100,
        relaxations_max: 100,
        opportunity: true,
    };
    case.world
        .explain(&asked, &case.supply, work_limit)
        .unwrap()
}

#[test]
fn an_explanation_that_is_stopped_says_where_and_claims_no_cause_that_is_none() {
    let (mut stopped, mut whole) = (0, 0);
    for seed in 0..600 {
        let mut case = random_case(seed);
        case.ask.all_or_nothing = true;
        let chosen = town::best(&case.world, &case.ask, &case.supply);
        let full = explain(10_000_000, &case, &chosen);
        for work_limit in [1, 4, 12] {
            let partial = explain(work_limit, &case, &chosen);
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
