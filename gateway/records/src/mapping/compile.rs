//! From a mapping as configured to columns by field.

use std::collections::BTreeSet;

use super::spec::{ColumnSpec, MappingError, MappingSpec};
use crate::layout::{LayoutNames, NamedField};

/// The level of the record, or of one group on the way to the group that makes the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MappedLevel {
    /// For each field the columns that it fills.
    pub(super) columns: Vec<Vec<u32>>,
    /// For each field whether it is a group.
    pub(super) groups: Vec<bool>,
    /// The group that is the next level.
    pub(super) next: Option<u16>,
}

/// A compiled mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compiled {
    pub(super) columns: Vec<String>,
    pub(super) constants: Vec<(u32, String)>,
    pub(super) levels: Vec<MappedLevel>,
    pub(super) key: Vec<usize>,
}

pub(super) fn compile(spec: &MappingSpec, names: &LayoutNames) -> Result<Compiled, MappingError> {
    let mut levels = levels(spec.rows.as_deref(), names)?;
    let columns = if spec.columns.is_empty() { all_fields(spec, names, &levels)? } else { given(spec)? };
    if columns.is_empty() {
        return Err(MappingError::NoColumns);
    }
    let mut seen = BTreeSet::new();
    let mut constants = Vec::new();
    for (number, column) in (0_u32..).zip(&columns) {
        if !seen.insert(column.name.as_str()) {
            return Err(MappingError::DuplicateColumn { column: column.name.clone() });
        }
        match (&column.field, &column.constant) {
            (Some(path), None) => {
                let (level, field) = reach(path, names, &levels)?;
                levels[level].columns[field].push(number);
            }
            (None, Some(text)) => constants.push((number, text.clone())),
            _ => return Err(MappingError::Source { column: column.name.clone() }),
        }
    }
    let columns: Vec<String> = columns.into_iter().map(|column| column.name).collect();
    let mut key = Vec::with_capacity(spec.key.len());
    for name in &spec.key {
        let place = columns.iter().position(|column| column == name);
        key.push(place.ok_or_else(|| MappingError::Key { column: name.clone() })?);
    }
    Ok(Compiled { columns, constants, levels, key })
}

/// The levels from the record to the group that makes the rows, with no columns yet.
fn levels(rows: Option<&str>, names: &LayoutNames) -> Result<Vec<MappedLevel>, MappingError> {
    let mut fields = names.fields.as_slice();
    let mut levels = vec![mapped(fields)];
    for step in rows.into_iter().flat_map(|path| path.split('/')) {
        let path = || rows.unwrap_or_default().to_owned();
        let position = fields.iter().position(|field| *field.name == *step);
        let position = position.ok_or_else(|| MappingError::UnknownField { path: path() })?;
        let Some(group) = &fields[position].group else {
            return Err(MappingError::Kind { path: path(), found: "a field", expected: "a group" });
        };
        if let Some(level) = levels.last_mut() {
            level.next = Some(position as u16);
        }
        fields = group;
        levels.push(mapped(fields));
    }
    Ok(levels)
}

fn mapped(fields: &[NamedField]) -> MappedLevel {
    MappedLevel {
        columns: vec![Vec::new(); fields.len()],
        groups: fields.iter().map(|field| field.group.is_some()).collect(),
        next: None,
    }
}

/// Level and field of a path to a value, which must lie on the way to the rows.
fn reach(path: &str, names: &LayoutNames, levels: &[MappedLevel]) -> Result<(usize, usize), MappingError> {
    let mut fields = names.fields.as_slice();
    let mut on_the_way = true;
    let mut depth = 0;
    let mut steps = path.split('/').peekable();
    while let Some(step) = steps.next() {
        let position = fields.iter().position(|field| *field.name == *step);
        let position = position.ok_or_else(|| MappingError::UnknownField { path: path.to_owned() })?;
        match (&fields[position].group, steps.peek()) {
            (None, None) if on_the_way => return Ok((depth, position)),
            (None, None) => return Err(MappingError::OutOfReach { path: path.to_owned() }),
            (None, Some(_)) => return Err(MappingError::UnknownField { path: path.to_owned() }),
            (Some(_), None) => break,
            (Some(group), Some(_)) => {
                on_the_way &= levels.get(depth).is_some_and(|level| level.next == Some(position as u16));
                depth += 1;
                fields = group;
            }
        }
    }
    Err(MappingError::Kind { path: path.to_owned(), found: "a group", expected: "a field" })
}

/// The columns as given.
fn given(spec: &MappingSpec) -> Result<Vec<ColumnSpec>, MappingError> {
    let replaced = [
        ("rename", spec.rename.is_empty()),
        ("drop", spec.drop.is_empty()),
        ("constant", spec.constant.is_empty()),
    ];
    match replaced.into_iter().find(|(_, empty)| !empty) {
        Some((key, _)) => Err(MappingError::Both { key }),
        None => Ok(spec.columns.clone()),
    }
}

/// Every field that a row can have, less those dropped, under its own or its new name, and the constants.
fn all_fields(
    spec: &MappingSpec,
    names: &LayoutNames,
    levels: &[MappedLevel],
) -> Result<Vec<ColumnSpec>, MappingError> {
    let mut listing = Listing { spec, levels, columns: Vec::new(), used: BTreeSet::new() };
    listing.level(&names.fields, 0, "")?;
    let Listing { mut columns, used, .. } = listing;
    let named = spec.rename.keys().chain(&spec.drop);
    if let Some(path) = named.into_iter().find(|path| !used.contains(*path)) {
        return Err(MappingError::UnknownField { path: path.clone() });
    }
    for (name, value) in &spec.constant {
        columns.push(ColumnSpec { name: name.clone(), field: None, constant: Some(value.clone()) });
    }
    Ok(columns)
}

struct Listing<'s> {
    spec: &'s MappingSpec,
    levels: &'s [MappedLevel],
    columns: Vec<ColumnSpec>,
    used: BTreeSet<String>,
}

impl Listing<'_> {
    fn level(&mut self, fields: &[NamedField], depth: usize, above: &str) -> Result<(), MappingError> {
        for (position, field) in fields.iter().enumerate() {
            let path = format!("{above}{}", field.name);
            let dropped = self.spec.drop.contains(&path);
            let renamed = self.spec.rename.get(&path);
            if dropped || renamed.is_some() {
                self.used.insert(path.clone());
            }
            match &field.group {
                _ if dropped && renamed.is_some() => return Err(MappingError::RenamedAndDropped { path }),
                _ if dropped => {}
                Some(_) if renamed.is_some() => {
                    return Err(MappingError::Kind { path, found: "a group", expected: "a field" });
                }
                Some(group) => {
                    if self.levels[depth].next != Some(position as u16) {
                        return Err(MappingError::GroupLeft { path });
                    }
                    self.level(group, depth + 1, &format!("{path}/"))?;
                }
                None => {
                    let name = renamed.cloned().unwrap_or_else(|| field.name.to_string());
                    self.columns.push(ColumnSpec { name, field: Some(path), constant: None });
                }
            }
        }
        Ok(())
    }
}
