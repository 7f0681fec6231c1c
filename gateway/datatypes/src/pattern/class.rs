//! Classes of characters: `[…]` with subtraction, and escapes (part 2 appendix F.1).

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::parse::{Parser, PatternError};

/// What an escape stands for.
pub(super) enum Escape {
    /// One character, which may begin or end a range.
    Character(char),
    /// Many.
    Class(ClassUnicode),
}

impl Escape {
    pub(super) fn into_class(self) -> ClassUnicode {
        match self {
            Escape::Character(character) => single(character),
            Escape::Class(class) => class,
        }
    }
}

pub(super) fn single(character: char) -> ClassUnicode {
    range(character, character)
}

pub(super) fn range(start: char, end: char) -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new(start, end)])
}

/// `.`: everything but line feed and carriage return.
pub(super) fn any_but_line_ends() -> ClassUnicode {
    negated(ClassUnicode::new([ClassUnicodeRange::new('\n', '\n'), ClassUnicodeRange::new('\r', '\r')]))
}

pub(super) fn negated(mut class: ClassUnicode) -> ClassUnicode {
    class.negate();
    class
}

/// Productions 12 to 22: a class whose opening bracket is read already.
pub(super) fn bracketed(parser: &mut Parser) -> Result<ClassUnicode, PatternError> {
    let negative = parser.take('^');
    let mut class = ClassUnicode::empty();
    let mut is_first = true;
    loop {
        let subtracts = |parser: &Parser| parser.peek() == Some('-') && parser.ahead(1) == Some('[');
        match parser.peek() {
            None => return parser.wrong("a class is not closed"),
            Some(']') if is_first => return parser.wrong("a class is empty; write \\] for a bracket"),
            Some(']') => {
                parser.advance();
                return Ok(if negative { negated(class) } else { class });
            }
            Some('-') if subtracts(parser) && is_first => {
                return parser.wrong("nothing stands before the class to be subtracted");
            }
            Some('-') if subtracts(parser) => {
                parser.advance();
                parser.advance();
                let subtracted = parser.nested(bracketed)?;
                if !parser.take(']') {
                    return parser.wrong("a subtracted class is the last thing in its class");
                }
                let mut class = if negative { negated(class) } else { class };
                class.difference(&subtracted);
                return Ok(class);
            }
            Some('[') => return parser.wrong("a bracket in a class is written \\["),
            Some('-') => {
                let literal = is_first
                    || parser.ahead(1) == Some(']')
                    || (parser.ahead(1) == Some('-') && parser.ahead(2) == Some('['));
                if !literal {
                    return parser.wrong("a hyphen between others is written \\-");
                }
                parser.advance();
                class.union(&single('-'));
            }
            Some(_) => match character(parser)? {
                Escape::Class(escaped) => class.union(&escaped),
                Escape::Character(start) => class.union(&ranged(parser, start)?),
            },
        }
        is_first = false;
    }
}

/// Production 17: a range, if the character that is read begins one.
fn ranged(parser: &mut Parser, start: char) -> Result<ClassUnicode, PatternError> {
    let is_range = parser.peek() == Some('-')
        && !matches!(parser.ahead(1), Some('[' | ']'))
        && !(parser.ahead(1) == Some('-') && parser.ahead(2) == Some('['));
    if !is_range {
        return Ok(single(start));
    }
    parser.advance();
    if parser.peek() == Some('-') {
        return parser.wrong("a hyphen that ends a range is written \\-");
    }
    match character(parser)? {
        Escape::Class(_) => parser.wrong("a range ends with a single character"),
        Escape::Character(end) if end < start => parser.wrong("a range ends before it begins"),
        Escape::Character(end) => Ok(range(start, end)),
    }
}

fn character(parser: &mut Parser) -> Result<Escape, PatternError> {
    match parser.peek() {
        Some('\\') => escape(parser),
        Some(other) => {
            parser.advance();
            Ok(Escape::Character(other))
        }
        None => parser.wrong("a class is not closed"),
    }
}

/// Productions 23 to 37: from the backslash on.
pub(super) fn escape(parser: &mut Parser) -> Result<Escape, PatternError> {
    parser.advance();
    let Some(letter) = parser.peek() else { return parser.wrong("nothing stands after a backslash") };
    let escapes = parser.escapes;
    let escape = match letter {
        'n' => Escape::Character('\n'),
        'r' => Escape::Character('\r'),
        't' => Escape::Character('\t'),
        '\\' | '|' | '.' | '-' | '^' | '?' | '*' | '+' | '{' | '}' | '(' | ')' | '[' | ']' => {
            Escape::Character(letter)
        }
        's' => Escape::Class(spaces()),
        'S' => Escape::Class(negated(spaces())),
        'i' => Escape::Class(escapes.name_start()),
        'I' => Escape::Class(negated(escapes.name_start())),
        'c' => Escape::Class(escapes.name_part()),
        'C' => Escape::Class(negated(escapes.name_part())),
        'd' => Escape::Class(escapes.digit()),
        'D' => Escape::Class(escapes.not_digit()),
        'w' => Escape::Class(escapes.word()),
        'W' => Escape::Class(escapes.not_word()),
        'p' | 'P' => return property(parser, letter == 'P'),
        _ => return parser.wrong("no escape has this letter"),
    };
    parser.advance();
    Ok(escape)
}

fn spaces() -> ClassUnicode {
    ClassUnicode::new([' ', '\t', '\n', '\r'].map(|space| ClassUnicodeRange::new(space, space)))
}

/// `\p{name}` from the letter on.
fn property(parser: &mut Parser, negative: bool) -> Result<Escape, PatternError> {
    parser.advance();
    if !parser.take('{') {
        return parser.wrong("a category or block is written \\p{name}");
    }
    let mut name = String::new();
    while let Some(next) = parser.peek().filter(|&next| next != '}') {
        name.push(next);
        parser.advance();
    }
    let Some(class) = parser.escapes.property(&name) else {
        return parser.wrong("no category or block has this name");
    };
    if !parser.take('}') {
        return parser.wrong("a category or block is written \\p{name}");
    }
    Ok(Escape::Class(if negative { negated(class) } else { class }))
}
