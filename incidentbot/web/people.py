"""The field that picks a person: who it offers, and whom what was typed into it means."""

from collections.abc import Iterable, Mapping, Sequence

from flask import Blueprint, Flask, render_template, request

from incidentbot.extensions import db
from incidentbot.incidents.errors import InvalidInput
from incidentbot.users import candidates
from incidentbot.users.candidates import NAMESAKES, Among, Candidate, find_person, suggest
from incidentbot.users.directory import pick
from incidentbot.users.models import User
from incidentbot.web.access import actor

blueprint = Blueprint("people", __name__)


def install(app: Flask) -> None:
    """Add the suggestions, and what the field's macro needs."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(namesakes=_namesakes, person_label=_label, written_person=written)


@blueprint.get("/people")
def suggestions() -> str:
    """Offer people as somebody types: `field` names what they type into. For everyone signed in."""
    typed = request.args.get(request.args.get("field", "q"), "")
    found = suggest(db.session(), typed, _among(request.args.get("among", Among.PEOPLE)))
    return render_template("_people_offered.html", people=found)


def written(fields: Mapping[str, str], field: str) -> str:
    """Return what a field says: the one chosen among namesakes, else what was typed."""
    return (fields.get(f"{field}_choice") or fields.get(field, "")).strip()


def picked(
    fields: Mapping[str, str], field: str, among: Among, keeping: Iterable[User] = ()
) -> int:
    """Return the id of the person whom a field of a form names, known here from now on.

    Raises InvalidInput, and what `pick` raises.
    """
    session = db.session()
    found = find_person(session, written(fields, field), among, field, keeping)
    return pick(session, actor(), found, field)


def _label(user: User) -> str:
    return candidates.candidate(user).label


def _namesakes(typed: str, among: str) -> Sequence[Candidate]:
    """Return those to choose among when a text means several people; nobody when they are too many."""
    found = candidates.namesakes(db.session(), typed, Among(among)) if typed else ()
    return found if 1 < len(found) <= NAMESAKES else ()


def _among(word: str) -> Among:
    try:
        return Among(word)
    except ValueError:
        raise InvalidInput("among", "There are no such people.") from None
