//! Regular expressions of XML Schema 1.0 (part 2 appendix F), parsed.

use regex_syntax::hir::ClassUnicode;

use super::class;
use super::tables::Escapes;
use crate::types::Tables;

/// How deep groups and classes may be nested.
const MAX_NESTING: usize = 128;

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// One character of a class.
    Class(ClassUnicode),
    /// One after the other; of none, nothing.
    Sequence(Vec<Node>),
    /// One of them.
    Alternatives(Vec<Node>),
    /// So many times the same, without an upper bound for `None`.
    Repeat { node: Box<Node>, min: u32, max: Option<u32> },
}

impl Node {
    pub(super) fn alternatives(mut nodes: Vec<Node>) -> Node {
        match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Alternatives(nodes),
        }
    }

    fn sequence(mut nodes: Vec<Node>) -> Node {
        match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Sequence(nodes),
        }
    }
}

/// What is wrong, and at which character, from 0.
#[derive(Debug)]
pub(super) struct PatternError {
    pub(super) at: usize,
    pub(super) rule: &'static str,
}

pub(super) fn parse(pattern: &str, tables: Tables) -> Result<Node, PatternError> {
    let mut parser = Parser::new(pattern, tables);
    let node = parser.expression()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => parser.wrong("a closing parenthesis without an opening one"),
    }
}

/// The expression, as characters, and where it is being read.
pub(super) struct Parser {
    characters: Vec<char>,
    at: usize,
    depth: usize,
    pub(super) escapes: Escapes,
}

impl Parser {
    fn new(pattern: &str, tables: Tables) -> Parser {
        Parser { characters: pattern.chars().collect(), at: 0, depth: 0, escapes: Escapes::of(tables) }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, by: usize) -> Option<char> {
        self.characters.get(self.at + by).copied()
    }

    pub(super) fn advance(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub(super) fn wrong<T>(&self, rule: &'static str) -> Result<T, PatternError> {
        Err(PatternError { at: self.at, rule })
    }

    /// Goes one level down, for `inside`.
    pub(super) fn nested<T>(
        &mut self,
        inside: impl FnOnce(&mut Parser) -> Result<T, PatternError>,
    ) -> Result<T, PatternError> {
        if self.depth == MAX_NESTING {
            return self.wrong("groups and classes are nested deeper than 128");
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    /// Productions 1 and 2: branches with `|` between them.
    fn expression(&mut self) -> Result<Node, PatternError> {
        let mut branches = vec![self.branch()?];
        while self.take('|') {
            branches.push(self.branch()?);
        }
        Ok(Node::alternatives(branches))
    }

    /// Productions 2 and 3: pieces, each an atom that may be repeated.
    fn branch(&mut self) -> Result<Node, PatternError> {
        let mut pieces = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let atom = self.atom()?;
            pieces.push(self.quantified(atom)?);
        }
        Ok(Node::sequence(pieces))
    }

    /// Production 9.
    fn atom(&mut self) -> Result<Node, PatternError> {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let group = self.nested(Parser::expression)?;
                match self.take(')') {
                    true => Ok(group),
                    false => self.wrong("a group is not closed"),
                }
            }
            Some('[') => {
                self.at += 1;
                self.nested(class::bracketed).map(Node::Class)
            }
            Some('\\') => class::escape(self).map(|escape| Node::Class(escape.into_class())),
            Some('.') => {
                self.at += 1;
                Ok(Node::Class(class::any_but_line_ends()))
            }
            Some('?' | '*' | '+' | '{') => self.wrong("a quantifier without what it repeats"),
            Some(']' | '}') => self.wrong("a closing bracket without an opening one; write \\] or \\}"),
            Some(other) => {
                self.at += 1;
                Ok(Node::Class(class::single(other)))
            }
            None => self.wrong("the expression ends where an atom is expected"),
        }
    }

    /// Productions 4 to 8.
    fn quantified(&mut self, atom: Node) -> Result<Node, PatternError> {
        let (min, max) = match self.peek() {
            Some('?') => (0, Some(1)),
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('{') => return self.counted(atom),
            _ => return Ok(atom),
        };
        self.at += 1;
        Ok(Node::Repeat { node: Box::new(atom), min, max })
    }

    fn counted(&mut self, atom: Node) -> Result<Node, PatternError> {
        self.at += 1;
        let min = self.count()?;
        let max = match self.take(',') {
            false => Some(min),
            true if self.peek() == Some('}') => None,
            true => Some(self.count()?),
        };
        if !self.take('}') {
            return self.wrong("a count is written {n}, {n,} or {n,m}");
        }
        if max.is_some_and(|max| max < min) {
            return self.wrong("a count's upper bound is below its lower one");
        }
        Ok(Node::Repeat { node: Box::new(atom), min, max })
    }

    fn count(&mut self) -> Result<u32, PatternError> {
        let start = self.at;
        let mut number = Some(0_u32);
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            self.at += 1;
            let digit = u32::from(digit) - u32::from('0');
            number = number.and_then(|number| number.checked_mul(10)?.checked_add(digit));
        }
        match number {
            _ if self.at == start => self.wrong("a count needs digits"),
            None => self.wrong("a count is too large"),
            Some(number) => Ok(number),
        }
    }
}
