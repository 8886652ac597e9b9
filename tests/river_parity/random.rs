//! Cases of random numbers: `random.Random(42).random()`, `river.utils.random.poisson(6, random.Random(42))` and the like.

use tidemill::learn::{arithmetic::Arithmetic, random::Random};

use crate::{
    expr::{Expr, parse},
    run::Outcome,
    vectors::{Case, Folder},
};

/// Draws what the text of a case asks for, if it asks for random numbers.
pub fn run(folder: &Folder, case: &Case) -> Option<Result<Outcome, String>> {
    let seed = case.river.split_once("random.Random(")?.1.split_once(')')?.0;
    let seed = seed.trim().parse().ok()?;
    // The generator itself is cut out, so that what is left is a list of calls.
    let text = case.river.replace(&format!("random.Random({seed})"), "");
    Some(calls(&text).and_then(|calls| compare(folder, case, seed, &calls)))
}

/// The calls of a text, in order: `.random()`; `poisson(6, )`; `: uniform(-1,1), gauss(0,1), in this order per row`.
fn calls(text: &str) -> Result<Vec<Expr>, String> {
    let text = text.trim_start_matches([':', '.', ' ']);
    let text = text.split(", repeated").next().unwrap_or(text).split(", in this order").next().unwrap_or(text);
    match parse(&format!("[{}]", text.replace(", )", ")")))?.0 {
        Expr::List(calls) => Ok(calls),
        other => Err(format!("{other:?} is no list of calls")),
    }
}

fn compare(folder: &Folder, case: &Case, seed: u64, calls: &[Expr]) -> Result<Outcome, String> {
    let (expected, mut outcome, mut random) =
        (folder.expected(case), Outcome::new(case), Random::with_arithmetic(seed, Arithmetic::River));
    for row in &expected.rows {
        let mut drawn = Vec::new();
        for call in calls {
            draw(&mut random, call, &mut drawn)?;
        }
        if drawn.len() + 1 != row.len() {
            return Err(format!("{} numbers were drawn where a row has {}", drawn.len(), row.len() - 1));
        }
        drawn.iter().zip(&row[1..]).for_each(|(ours, pythons)| outcome.compare(row[0] as usize, *ours, *pythons));
    }
    Ok(outcome)
}

fn draw(random: &mut Random, call: &Expr, drawn: &mut Vec<f64>) -> Result<(), String> {
    let Expr::Call(name, arguments, _) = call else { return Err(format!("{call:?} is no call")) };
    let number = |k: usize| arguments.get(k).and_then(|e| e.at(0)).ok_or_else(|| format!("{name} lacks an argument"));
    match name.as_str() {
        "random" => drawn.push(random.random()),
        "uniform" => drawn.push(random.uniform(number(0)?, number(1)?)),
        "gauss" => drawn.push(random.gauss(number(0)?, number(1)?)),
        "randint" => drawn.push(random.randint(number(0)? as i64, number(1)? as i64) as f64),
        "exponential" => drawn.push(random.exponential(number(0)?)),
        "poisson" => drawn.push(f64::from(random.poisson(number(0)?))),
        "sample" => {
            let population: Vec<f64> = match arguments.first() {
                Some(Expr::Call(range, of, _)) if range == "range" => {
                    let n = of.first().and_then(|e| e.at(0)).ok_or("a range of nothing")?;
                    (0..n as u32).map(f64::from).collect()
                }
                Some(Expr::List(items)) => items.iter().map(|e| e.at(0).ok_or("no number")).collect::<Result<_, _>>()?,
                other => return Err(format!("{other:?} cannot be sampled")),
            };
            drawn.extend(random.sample(population.len(), number(1)? as usize).into_iter().map(|k| population[k]));
        }
        _ => return Err(format!("{name} is not drawn here")),
    }
    Ok(())
}
