//! Other repos by short names, and references to what is in them.

use pyo3::prelude::*;
use trellis_sync::Receipt;
use trellis_sync::Repo;
use trellis_sync::federation::MultiRepoManager;
use trellis_sync::surface::{self, CrossRepoLink, CrossRepoRef, LinkedRepo};

use crate::plain;
use crate::wait::wait;

/// Reads a reference.
#[pyfunction]
pub(crate) fn parse_reference<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let reference = surface::parse_reference(text).map_err(|cause| plain::refused(py, &format!("{cause}.")))?;
    plain::write(py, &reference)
}

/// Writes a reference, a `CrossRepoRef` of the surface.
#[pyfunction]
pub(crate) fn format_reference(reference: &Bound<'_, PyAny>) -> PyResult<String> {
    let of: CrossRepoRef = plain::read(reference)?;
    surface::format_reference(of).map_err(|cause| plain::refused(reference.py(), &format!("{cause}.")))
}

/// What a repo links on one branch.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct Repos(MultiRepoManager);

impl Repos {
    /// Of a repo on the branch of the handle.
    pub(crate) fn of(repo: Repo) -> Repos {
        Repos(MultiRepoManager::new(repo))
    }
}

#[pymethods]
impl Repos {
    /// Links a repo by its path; returns the ids of the ops written, as all writes do.
    fn link(&self, py: Python<'_>, alias: &str, path: &str, description: Option<&str>) -> PyResult<Vec<String>> {
        wait(py, None, self.0.link_repo(alias, path, description)).map(ids)
    }

    /// Takes an alias back.
    fn unlink(&self, py: Python<'_>, alias: &str) -> PyResult<Vec<String>> {
        wait(py, None, self.0.unlink_repo(alias)).map(ids)
    }

    /// The linked repos.
    fn linked<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let linked = wait(py, None, self.0.linked_repos())?;
        plain::write(py, &linked.into_iter().map(Into::into).collect::<Vec<LinkedRepo>>())
    }

    /// Says how an entity here stands to one of a linked repo.
    fn link_across(
        &self,
        py: Python<'_>,
        from: &str,
        relation: &str,
        alias: &str,
        entity: &str,
    ) -> PyResult<Vec<String>> {
        wait(py, None, self.0.add_cross_repo_link(from, relation, alias, entity)).map(ids)
    }

    /// Takes that back.
    fn unlink_across(
        &self,
        py: Python<'_>,
        from: &str,
        relation: &str,
        alias: &str,
        entity: &str,
    ) -> PyResult<Vec<String>> {
        wait(py, None, self.0.remove_cross_repo_link(from, relation, alias, entity)).map(ids)
    }

    /// The links that lead to an entity of another repo.
    fn links_to<'py>(&self, py: Python<'py>, alias: &str, entity: &str) -> PyResult<Bound<'py, PyAny>> {
        let links = wait(py, None, self.0.find_references_to(alias, entity))?;
        plain::write(py, &links.into_iter().map(Into::into).collect::<Vec<CrossRepoLink>>())
    }

    /// What stands where a reference leads: an entity of the surface.
    fn follow<'py>(&self, py: Python<'py>, reference: &str) -> PyResult<Bound<'py, PyAny>> {
        let entity = wait(py, None, self.0.follow_plain(reference))?;
        plain::write(py, &entity)
    }
}

fn ids(receipt: Receipt) -> Vec<String> {
    receipt.ops().iter().map(ToString::to_string).collect()
}
