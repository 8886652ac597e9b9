//! The expressions in which cases describe their models: Python constructor calls, literals, lists, arithmetic on `t`, and the pipe.

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A number with a point or an exponent.
    Number(f64),
    /// A whole number: to Python `1` and `1.0` are two things, and some parameters take them for two.
    Whole(i64),
    /// A text in quotes.
    Text(String),
    /// A name, the last part of a dotted one; `True`, `False` and `None` among them.
    Name(String),
    /// A call, with positional and named arguments.
    Call(String, Vec<Expr>, Vec<(String, Expr)>),
    /// A list or a tuple.
    List(Vec<Expr>),
    /// Two operands; the operator is one of `+ - * / % |`, or `=` for `==`.
    Binary(char, Box<Expr>, Box<Expr>),
}

impl Expr {
    /// The value for record `t`, for arithmetic on numbers and `t`; comparisons give 1 or 0.
    pub fn at(&self, t: usize) -> Option<f64> {
        match self {
            Expr::Number(n) => Some(*n),
            Expr::Whole(n) => Some(*n as f64),
            Expr::Name(name) if name == "t" => Some(t as f64),
            Expr::Binary(op, a, b) => {
                let (a, b) = (a.at(t)?, b.at(t)?);
                match op {
                    '+' => Some(a + b),
                    '-' => Some(a - b),
                    '*' => Some(a * b),
                    '/' => Some(a / b),
                    '%' => Some(a.rem_euclid(b)),
                    '=' => Some(f64::from(u8::from(a == b))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The value of whole numbers under operators that keep them whole.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Expr::Whole(n) => Some(*n),
            Expr::Binary('+', a, b) => a.whole()?.checked_add(b.whole()?),
            Expr::Binary('-', a, b) => a.whole()?.checked_sub(b.whole()?),
            Expr::Binary('*', a, b) => a.whole()?.checked_mul(b.whole()?),
            _ => None,
        }
    }

    /// The expression with `value` in the place of the name `variable`.
    fn with(&self, variable: &str, value: &Expr) -> Expr {
        let put = |e: &Expr| e.with(variable, value);
        match self {
            Expr::Name(name) if name == variable => value.clone(),
            Expr::Call(name, positional, named) => {
                let named = named.iter().map(|(key, e)| (key.clone(), put(e))).collect();
                Expr::Call(name.clone(), positional.iter().map(put).collect(), named)
            }
            Expr::List(items) => Expr::List(items.iter().map(put).collect()),
            Expr::Binary(op, a, b) => Expr::Binary(*op, Box::new(put(a)), Box::new(put(b))),
            other => other.clone(),
        }
    }

    /// The steps of a pipeline; one step for anything else.
    pub fn steps(&self) -> Vec<&Expr> {
        match self {
            Expr::Binary('|', a, b) => a.steps().into_iter().chain(b.steps()).collect(),
            other => vec![other],
        }
    }
}

/// Parses one expression at the start of `text` and gives what follows it.
pub fn parse(text: &str) -> Result<(Expr, &str), String> {
    let mut parser = Parser { rest: text };
    let expr = parser.binary(0)?;
    Ok((expr, parser.rest))
}

/// Operators by binding, the loosest first.
const LEVELS: [&[char]; 4] = [&['='], &['|'], &['+', '-'], &['*', '/', '%']];

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn binary(&mut self, level: usize) -> Result<Expr, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.atom();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(op) = self.operator(operators) {
            left = Expr::Binary(op, Box::new(left), Box::new(self.binary(level + 1)?));
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[char]) -> Option<char> {
        let rest = self.rest.trim_start();
        if operators == ['='] {
            self.rest = rest.strip_prefix("==")?;
            return Some('=');
        }
        let op = rest.chars().next().filter(|c| operators.contains(c))?;
        self.rest = &rest[1..];
        Some(op)
    }

    fn take(&mut self, token: char) -> bool {
        let taken = self.rest.trim_start().strip_prefix(token);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.rest = &rest[end..];
        &rest[..end]
    }

    fn atom(&mut self) -> Result<Expr, String> {
        let next = self.rest.trim_start().chars().next().ok_or("the text ends early")?;
        match next {
            '[' | '(' => self.list(next),
            '\'' | '"' => self.text(next),
            '-' if self.take('-') => Ok(Expr::Binary('-', Box::new(Expr::Whole(0)), Box::new(self.atom()?))),
            c if c.is_ascii_digit() || c == '.' => self.number(),
            c if c.is_alphabetic() || c == '_' => self.name(),
            c => Err(format!("`{c}` is not understood")),
        }
    }

    fn number(&mut self) -> Result<Expr, String> {
        let mut digits = self.word(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '_')).replace('_', "");
        if digits.ends_with(['e', 'E']) {
            let sign = if self.take('-') { '-' } else { '+' };
            self.take('+');
            digits = format!("{digits}{sign}{}", self.word(|c| c.is_ascii_digit()));
        }
        let wrong = format!("`{digits}` is no number");
        match digits.parse() {
            Ok(whole) => Ok(Expr::Whole(whole)),
            Err(_) => digits.parse().map(Expr::Number).map_err(|_| wrong),
        }
    }

    fn text(&mut self, quote: char) -> Result<Expr, String> {
        self.take(quote);
        let (text, rest) = self.rest.split_once(quote).ok_or("a text does not end")?;
        self.rest = rest;
        Ok(Expr::Text(text.to_owned()))
    }

    fn name(&mut self) -> Result<Expr, String> {
        let name = self.word(|c| c.is_alphanumeric() || c == '_' || c == '.').trim_end_matches('.');
        let name = name.rsplit('.').next().unwrap_or(name);
        let name = if name == "LR" { "LinearRegression" } else { name }.to_owned();
        if !self.rest.starts_with('(') {
            return Ok(Expr::Name(name));
        }
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        self.take('(');
        while !self.take(')') {
            match self.key() {
                Some(key) => named.push((key, self.binary(0)?)),
                None => positional.push(self.binary(0)?),
            }
            self.take(',');
        }
        Ok(Expr::Call(name, positional, named))
    }

    /// The key of a named argument, if one starts here.
    fn key(&mut self) -> Option<String> {
        let before = self.rest;
        let key = self.word(|c| c.is_alphanumeric() || c == '_').to_owned();
        if !key.is_empty() && !self.rest.starts_with("==") && self.take('=') {
            return Some(key);
        }
        self.rest = before;
        None
    }

    /// `lr in 1e-4,1e-3`: the item once for each value, up to the bracket that closes the list.
    fn comprehension(&mut self, item: &Expr, close: char) -> Result<Vec<Expr>, String> {
        let variable = self.word(|c| c.is_alphanumeric() || c == '_');
        if self.word(char::is_alphabetic) != "in" {
            return Err(format!("`for {variable}` says not in what"));
        }
        let mut items = Vec::new();
        while !self.rest.trim_start().starts_with(close) {
            match self.binary(0)? {
                Expr::List(values) => items.extend(values.iter().map(|value| item.with(variable, value))),
                value => items.push(item.with(variable, &value)),
            }
            self.take(',');
        }
        Ok(items)
    }

    fn list(&mut self, open: char) -> Result<Expr, String> {
        let close = if open == '[' { ']' } else { ')' };
        self.take(open);
        let mut items = Vec::new();
        while !self.take(close) {
            let item = self.binary(0)?;
            match self.rest.trim_start().strip_prefix("for ") {
                Some(values) => {
                    self.rest = values;
                    items.extend(self.comprehension(&item, close)?);
                }
                None => items.push(item),
            }
            self.take(',');
        }
        match items.pop() {
            Some(single) if open == '(' && items.is_empty() => Ok(single),
            last => Ok(Expr::List(items.into_iter().chain(last).collect())),
        }
    }
}

#[test]
fn expressions_of_the_manifest_are_understood() {
    let (expr, rest) =
        parse("StandardScaler|LR(optim.SGD(InverseScaling(0.1, 1e-5)), l2=-2, how='mean'), learn_one(w=1+t%3)").unwrap();
    let steps = expr.steps();
    assert_eq!(steps[0], &Expr::Name("StandardScaler".to_owned()));
    let Expr::Call(name, positional, named) = steps[1] else { panic!("{steps:?}") };
    assert_eq!((name.as_str(), positional.len(), named[0].1.at(0)), ("LinearRegression", 1, Some(-2.0)));
    assert_eq!(named[1], ("how".to_owned(), Expr::Text("mean".to_owned())));
    assert_eq!(rest, ", learn_one(w=1+t%3)");
    assert_eq!(parse("1+t%3").unwrap().0.at(5), Some(3.0));
    assert_eq!(parse("t%4==0").unwrap().0.at(8), Some(1.0));
    assert!(parse("LR(").is_err());
    let (Expr::Call(_, _, sizes), _) = parse("F(a=1.0, b=1, c=-1, d=-0.5, e=1e+3, f=2*1_000)").unwrap() else {
        panic!("no call")
    };
    assert_eq!(sizes.iter().map(|(_, e)| e.whole()).collect::<Vec<_>>(), [None, Some(1), Some(-1), None, None, Some(2_000)]);
    assert_eq!(sizes.iter().map(|(_, e)| e.at(0).unwrap()).collect::<Vec<_>>(), [1.0, 1.0, -1.0, -0.5, 1_000.0, 2_000.0]);
    let (Expr::List(items), _) = parse("[SGD(lr) for lr in 1e-2, 3]").unwrap() else { panic!("no list") };
    assert_eq!(items, ["SGD(1e-2)", "SGD(3)"].map(|text| parse(text).unwrap().0));
}
