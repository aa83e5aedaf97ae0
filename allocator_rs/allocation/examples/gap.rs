//! scratch
use bopis_allocation::*;
use bopis_sourcing::LatePrice;
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seconds: f64 = args[0].parse().unwrap();
    for file in &args[1..] {
        let text = std::fs::read_to_string(file).unwrap();
        let v: Vec<i64> = text
            .split_whitespace()
            .map(|w| w.parse().unwrap())
            .collect();
        let (m, n) = (v[0] as usize, v[1] as usize);
        let c = &v[2..2 + m * n];
        let a = &v[2 + m * n..2 + 2 * m * n];
        let b = &v[2 + 2 * m * n..];
        let mut t = Table::default();
        t.rows = b
            .iter()
            .map(|b| Row {
                limit: *b,
                ..Row::default()
            })
            .collect();
        for j in 0..n {
            let mut o = Order {
                lines: vec![Line {
                    quantity: 1,
                    unfilled: 1 << 40,
                }],
                late: LatePrice::default(),
                ..Order::default()
            };
            for i in 0..m {
                let slot = t.calendar.slots.len() as u32;
                let p = t.calendar.patterns.len() as u32;
                t.calendar.patterns.push(Pattern {
                    start_h: 0,
                    ready_h: 1,
                    shares: [(i as u32, a[i * n + j])].into_iter().collect(),
                });
                t.calendar.slots.push(Slot {
                    first: p,
                    end: p + 1,
                    start_from_h: 0,
                    promise_h: 1,
                });
                o.ways.push(Way {
                    node: i as u32,
                    pickup: false,
                    fixed: 0,
                    slot,
                });
                o.costs.push(c[i * n + j] * 1_000_000);
                o.rows.push(NO_ROW);
            }
            t.orders.push(o);
        }
        let start = Instant::now();
        let threads = 2;
        let inst = Instance::new(&t, threads);
        let mut a = inst.ascend(
            &[],
            AscentOptions {
                passes: 600,
                first_step: 1.0,
                pool_passes: 50,
                work_limit: 10_000_000,
                threads: 1,
            },
            |_| start.elapsed().as_secs_f64() < 0.3 * seconds,
        );
        let asc = start.elapsed().as_secs_f64();
        let bd = bound(&t, &a.prices, 10_000_000, 1);
        let s = inst.construct(&a, 10_000_000);
        let c0 = s.cost(&inst);
        let mut mv = 0;
        let s = inst.improve(
            s,
            &a.prices,
            SearchOptions {
                moves: 1 << 40,
                rounds: 1 << 20,
                tolerance: 0.0,
                work_limit: 10_000_000,
                threads,
                seed: 1,
            }
            .with(seconds, m),
            |p| {
                mv = p.moves;
                start.elapsed().as_secs_f64() < seconds
            },
        );
        a.pool.clear();
        println!("{file} {} bound {:.2} start {:.2} cost {:.2} over {} asc {asc:.2}s passes {} moves {mv} t {:.2}", n, bd.micro as f64 / 1e6, c0 as f64 / 1e6, s.cost(&inst) as f64 / 1e6, s.overfull().len(), a.passes, start.elapsed().as_secs_f64());
    }
}
trait W {
    fn with(self, s: f64, m: usize) -> Self;
}
impl W for SearchOptions {
    fn with(mut self, s: f64, _m: usize) -> Self {
        self.rounds = (s * 20.0) as u32;
        self.moves = self.rounds as u64 * 10_000;
        self.tolerance = 0.1;
        self
    }
}
