//! Regular expressions of XML Schema (part 2 appendix F) by sets of positions: each part of an expression maps the places
//! where it may begin to those where it may end.
//!
//! It takes more than the standard does, where the standard says that something is no expression; and it knows classes
//! with names for ASCII only.

use std::collections::BTreeSet;

type Positions = BTreeSet<usize>;

/// An expression, and whether it asks for classes by their names.
pub(super) struct Expression {
    node: Node,
    named: bool,
}

enum Node {
    Set(Set),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
}

/// A set of characters.
enum Set {
    One(char),
    Range(char, char),
    Any(Vec<Set>),
    Not(Box<Set>),
    Without(Box<Set>, Box<Set>),
    Named(fn(char) -> bool),
}

/// The expression; `Some(None)` where it has a class that is not known here, `None` where it is none.
pub(super) fn parse(pattern: &str) -> Option<Option<Expression>> {
    let mut parser = Parser { rest: pattern.chars().collect(), at: 0, named: false, unknown: false };
    let node = parser.choice()?;
    let expression = Expression { node, named: parser.named };
    (parser.at == parser.rest.len()).then_some((!parser.unknown).then_some(expression))
}

impl Expression {
    /// Whether the whole text matches; `None` where that is not known here.
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        if self.named && !text.is_ascii() {
            return None;
        }
        let text: Vec<char> = text.chars().collect();
        // What takes too long is left alone.
        let mut steps = 2_000_000;
        let ends = self.node.ends(&text, &Positions::from([0]), &mut steps)?;
        Some(ends.contains(&text.len()))
    }
}

impl Node {
    fn ends(&self, text: &[char], starts: &Positions, steps: &mut u64) -> Option<Positions> {
        *steps = steps.checked_sub(1 + starts.len() as u64)?;
        Some(match self {
            Node::Set(set) => {
                let fits = |at: &&usize| text.get(**at).is_some_and(|&character| set.has(character));
                starts.iter().filter(fits).map(|at| at + 1).collect()
            }
            Node::Sequence(nodes) => {
                let mut at = starts.clone();
                for node in nodes {
                    at = node.ends(text, &at, steps)?;
                }
                at
            }
            Node::Choice(nodes) => {
                let mut ends = Positions::new();
                for node in nodes {
                    ends.extend(node.ends(text, starts, steps)?);
                }
                ends
            }
            Node::Repeat(node, min, max) => {
                let mut at = starts.clone();
                for _ in 0..*min {
                    let next = node.ends(text, &at, steps)?;
                    // Round and round at the same places, or nowhere any more.
                    if next == at || next.is_empty() {
                        at = next;
                        break;
                    }
                    at = next;
                }
                let mut ends = at.clone();
                for _ in *min..max.unwrap_or(u32::MAX) {
                    at = node.ends(text, &at, steps)?;
                    let known = ends.len();
                    ends.extend(at.iter().copied());
                    if ends.len() == known {
                        break;
                    }
                }
                ends
            }
        })
    }
}

impl Set {
    fn has(&self, character: char) -> bool {
        match self {
            Set::One(one) => *one == character,
            Set::Range(first, last) => (*first..=*last).contains(&character),
            Set::Any(sets) => sets.iter().any(|set| set.has(character)),
            Set::Not(set) => !set.has(character),
            Set::Without(set, less) => set.has(character) && !less.has(character),
            Set::Named(named) => named(character),
        }
    }
}

struct Parser {
    rest: Vec<char>,
    at: usize,
    named: bool,
    unknown: bool,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += 1;
        next
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn choice(&mut self) -> Option<Node> {
        let mut branches = vec![self.sequence()?];
        while self.take('|') {
            branches.push(self.sequence()?);
        }
        Some(Node::Choice(branches))
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while self.peek().is_some_and(|next| !matches!(next, '|' | ')')) {
            let atom = self.atom()?;
            let bounds = match self.peek() {
                Some('?') => (0, Some(1)),
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('{') => {
                    let end = self.at + self.rest[self.at..].iter().position(|&next| next == '}')?;
                    let counts: String = self.rest[self.at + 1..end].iter().collect();
                    self.at = end;
                    match counts.split_once(',') {
                        None => (counts.parse().ok()?, Some(counts.parse().ok()?)),
                        Some((min, "")) => (min.parse().ok()?, None),
                        Some((min, max)) => (min.parse().ok()?, Some(max.parse().ok()?)),
                    }
                }
                _ => {
                    nodes.push(atom);
                    continue;
                }
            };
            self.at += 1;
            nodes.push(Node::Repeat(Box::new(atom), bounds.0, bounds.1));
        }
        Some(Node::Sequence(nodes))
    }

    fn atom(&mut self) -> Option<Node> {
        Some(match self.next()? {
            '(' => {
                let group = self.choice()?;
                if !self.take(')') {
                    return None;
                }
                group
            }
            '[' => Node::Set(self.class()?),
            '.' => Node::Set(Set::Not(Box::new(Set::Any(vec![Set::One('\n'), Set::One('\r')])))),
            '\\' => Node::Set(self.escape()?),
            other => Node::Set(Set::One(other)),
        })
    }

    /// A class, its bracket read already.
    fn class(&mut self) -> Option<Set> {
        let negative = self.take('^');
        let mut sets = Vec::new();
        let mut subtracted = None;
        loop {
            let next = self.next()?;
            let set = match next {
                ']' => break,
                '-' if self.peek() == Some('[') => {
                    self.at += 1;
                    subtracted = Some(self.class()?);
                    if !self.take(']') {
                        return None;
                    }
                    break;
                }
                '\\' => self.escape()?,
                other => Set::One(other),
            };
            // A hyphen between two characters makes them a range.
            let behind = self.rest.get(self.at + 1).copied();
            match set {
                Set::One(first) if self.peek() == Some('-') && !matches!(behind, Some('[' | ']') | None) => {
                    // `a--[` is `a`, a hyphen, and what is subtracted.
                    if behind == Some('-') && self.rest.get(self.at + 2) == Some(&'[') {
                        sets.push(Set::One(first));
                        continue;
                    }
                    self.at += 1;
                    let last = match self.next()? {
                        '\\' => match self.escape()? {
                            Set::One(last) => last,
                            _ => return None,
                        },
                        last => last,
                    };
                    sets.push(Set::Range(first, last));
                }
                set => sets.push(set),
            }
        }
        let set = Set::Any(sets);
        let set = if negative { Set::Not(Box::new(set)) } else { set };
        Some(match subtracted {
            Some(less) => Set::Without(Box::new(set), Box::new(less)),
            None => set,
        })
    }

    /// An escape, its backslash read already.
    fn escape(&mut self) -> Option<Set> {
        let letter = self.next()?;
        let named = match letter {
            'n' => return Some(Set::One('\n')),
            'r' => return Some(Set::One('\r')),
            't' => return Some(Set::One('\t')),
            's' | 'S' => {
                let spaces = [' ', '\t', '\n', '\r'].map(Set::One).into();
                return Some(inverted(Set::Any(spaces), letter == 'S'));
            }
            'd' | 'D' => Set::Named(|c| c.is_ascii_digit()),
            'i' | 'I' => Set::Named(|c| c.is_ascii_alphabetic() || "_:".contains(c)),
            'c' | 'C' => Set::Named(|c| c.is_ascii_alphanumeric() || "_:-.".contains(c)),
            'w' | 'W' => Set::Named(|c| c.is_ascii_alphanumeric() || SYMBOLS.contains(c)),
            'p' | 'P' => {
                let end = self.at + self.rest[self.at..].iter().position(|&next| next == '}')?;
                let name: String = self.rest[self.at..end].iter().collect();
                self.at = end + 1;
                self.property(name.strip_prefix('{')?)
            }
            other => return Some(Set::One(other)),
        };
        self.named = true;
        Some(inverted(named, letter.is_ascii_uppercase()))
    }

    /// What ASCII has of a category or block.
    fn property(&mut self, name: &str) -> Set {
        let named: fn(char) -> bool = match name {
            "L" => |c| c.is_ascii_alphabetic(),
            "Lu" => |c| c.is_ascii_uppercase(),
            "Ll" => |c| c.is_ascii_lowercase(),
            "N" | "Nd" => |c| c.is_ascii_digit(),
            "S" => |c| SYMBOLS.contains(c),
            "Sm" => |c| "+<=>|~".contains(c),
            "Sc" => |c| c == '$',
            "Sk" => |c| "^`".contains(c),
            "P" => |c| c.is_ascii_punctuation() && !SYMBOLS.contains(c),
            "Pc" => |c| c == '_',
            "Pd" => |c| c == '-',
            "Ps" => |c| "([{".contains(c),
            "Pe" => |c| ")]}".contains(c),
            "Po" => |c| "!\"#%&'*,./:;?@\\".contains(c),
            "Z" | "Zs" => |c| c == ' ',
            "C" | "Cc" => |c| c.is_ascii_control(),
            "IsBasicLatin" => |c| c.is_ascii(),
            "M" | "Mn" | "Mc" | "Me" | "Lt" | "Lm" | "Lo" | "Nl" | "No" | "So" | "Zl" | "Zp" | "Pi"
            | "Pf" | "Cf" | "Co" | "Cn" => |_| false,
            _ if name.starts_with("Is") => |_| false,
            _ => {
                self.unknown = true;
                |_| false
            }
        };
        Set::Named(named)
    }
}

/// Those of ASCII (Unicode's category S).
const SYMBOLS: &str = "$+<=>^`|~";

fn inverted(set: Set, invert: bool) -> Set {
    if invert { Set::Not(Box::new(set)) } else { set }
}
