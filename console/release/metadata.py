"""The metadata of a release: data package, CSVW, DCAT, DataCite, CITATION.cff. All are made from the schema and the facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import yaml

from codebook.records import Record
from console.release.about import ReleaseFacts
from console.release.digests import digest_of
from console.release.schema import ReleaseTable, Words, cell_codes, release_tables

_XSD = {"text": "string", "integer": "integer", "number": "double", "boolean": "boolean"}
_FRICTIONLESS = {"text": "string", "integer": "integer", "number": "number", "boolean": "boolean"}
_MEDIA = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
_LANGUAGES = "http://publications.europa.eu/resource/authority/language/"
_SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"


class ReleaseIdentity(Record, frozen=True):
    """Which release it is: version, date (ISO), the version before it, and whether contact lines are masked."""

    version: str
    date: str
    previous: str | None
    masked: bool


def write_metadata(folder: Path, facts: ReleaseFacts, identity: ReleaseIdentity) -> None:
    """Write the files of metadata to ``folder``, whose tables are complete."""
    digests = {path.relative_to(folder).as_posix(): digest_of(path) for path in sorted((folder / "data").rglob("*.*"))}
    sizes = {name: (folder / name).stat().st_size for name in digests}
    written = {
        "datapackage.json": data_package(facts, identity, digests, sizes),
        "csv-metadata.json": csvw(facts, identity),
        "dcat.jsonld": dcat(facts, identity, digests, sizes),
        "datacite.json": datacite(facts, identity, sizes),
    }
    for name, what in written.items():
        (folder / name).write_bytes(msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n")
    (folder / "CITATION.cff").write_text(
        yaml.safe_dump(citation(facts, identity), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )


def _known(**fields: Any) -> dict[str, Any]:
    """Return the fields that are known."""
    return {name: value for name, value in fields.items() if value is not None}


# ---- Frictionless -----------------------------------------------------------------------------------------------------------


def data_package(
    facts: ReleaseFacts, identity: ReleaseIdentity, digests: dict[str, str], sizes: dict[str, int]
) -> dict[str, Any]:
    """The descriptor of Frictionless (Data Package, version 1): CSV files as tables, Parquet files as plain resources."""
    resources = []
    for name, table in release_tables().items():
        for kind in ("csv", "parquet"):
            path = f"data/{kind}/{name}.{kind}"
            if path not in digests:
                continue
            what: dict[str, Any] = {
                "name": _slug(name, kind),
                "path": path,
                "title": table.title.en,
                "mediatype": _MEDIA[kind],
                "format": kind,
            }
            what["type"] = "table" if kind == "csv" else "file"
            what |= {"bytes": sizes[path], "hash": f"sha256:{digests[path]}"}
            if kind == "csv":
                what |= {"profile": "tabular-data-resource", "encoding": "utf-8", "schema": _schema(table)}
            resources.append(what)
    return {
        "profile": "data-package",
        "name": "gongkai",
        "version": identity.version,
        "created": f"{identity.date}T00:00:00Z",
        **_known(id=facts.doi and f"https://doi.org/{facts.doi}", homepage=facts.homepage),
        "title": facts.title.en,
        "description": facts.description.en,
        "keywords": list(facts.keywords),
        **({"licenses": [_known(name=facts.licence, path=facts.licence_url)]} if facts.licence else {}),
        "contributors": [{"title": creator.name, "role": "author"} for creator in facts.creators],
        "resources": resources,
    }


def _slug(table: str, kind: str) -> str:
    return table if kind == "csv" else f"{table}-{kind}"


def _schema(table: ReleaseTable) -> dict[str, Any]:
    fields = []
    for name, column in table.columns.items():
        limits: dict[str, Any] = {"required": True} if table.is_required(name) else {}
        if name == "code" and table.key != ("code",):
            limits["enum"] = list(cell_codes())
        field: dict[str, Any] = {"name": name, "type": _FRICTIONLESS[column.type], "title": column.zh, "description": column.en}
        fields.append(field | ({"constraints": limits} if limits else {}))
    keys = [
        {"fields": list(each.columns), "reference": {"resource": each.table, "fields": list(each.columns)}}
        for each in table.references
    ]
    return {"fields": fields, "primaryKey": list(table.key), "missingValues": [""], **({"foreignKeys": keys} if keys else {})}


# ---- CSVW -------------------------------------------------------------------------------------------------------------------


def csvw(facts: ReleaseFacts, identity: ReleaseIdentity) -> dict[str, Any]:
    """The metadata of CSV on the Web (W3C), for the CSV files."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": facts.title.en,
        "dc:description": facts.description.en,
        "dc:issued": {"@value": identity.date, "@type": "xsd:date"},
        "schema:version": identity.version,
        "dialect": {"encoding": "utf-8", "header": True, "delimiter": ",", "quoteChar": '"', "doubleQuote": True},
        "tables": [_csvw_table(name, table) for name, table in release_tables().items()],
    }


def _csvw_table(name: str, table: ReleaseTable) -> dict[str, Any]:
    keys = [
        {
            "columnReference": list(each.columns),
            "reference": {"resource": f"data/csv/{each.table}.csv", "columnReference": list(each.columns)},
        }
        for each in table.references
    ]
    return {
        "url": f"data/csv/{name}.csv",
        "dc:title": {"@value": table.title.en, "@language": "en"},
        "tableSchema": {
            "columns": [
                {
                    "name": column,
                    "titles": column,
                    "datatype": _XSD[what.type],
                    "required": table.is_required(column),
                    "null": "",
                    "dc:description": [{"@value": what.en, "@language": "en"}, {"@value": what.zh, "@language": "zh"}],
                }
                for column, what in table.columns.items()
            ],
            "primaryKey": list(table.key),
            **({"foreignKeys": keys} if keys else {}),
        },
    }


# ---- DCAT -------------------------------------------------------------------------------------------------------------------


def dcat(facts: ReleaseFacts, identity: ReleaseIdentity, digests: dict[str, str], sizes: dict[str, int]) -> dict[str, Any]:
    """The description of the dataset by DCAT-AP 3, as JSON-LD. Addresses are below the homepage; without one, below this file."""
    base = facts.homepage or ""
    licence = {"@id": facts.licence_url} if facts.licence_url else None
    return {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "spdx": "http://spdx.org/rdf/terms#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
            "vcard": "http://www.w3.org/2006/vcard/ns#",
        },
        "@id": f"{base}#dataset",
        "@type": "dcat:Dataset",
        "dct:title": _languages(facts.title),
        "dct:description": _languages(facts.description),
        "dct:identifier": (facts.doi and f"https://doi.org/{facts.doi}") or f"gongkai-{identity.version}",
        "dcat:version": identity.version,
        "dct:issued": {"@value": identity.date, "@type": "xsd:date"},
        "dct:modified": {"@value": identity.date, "@type": "xsd:date"},
        "dcat:keyword": [{"@value": word, "@language": "zh" if not word.isascii() else "en"} for word in facts.keywords],
        "dct:language": [{"@id": f"{_LANGUAGES}{code}", "@type": "dct:LinguisticSystem"} for code in ("ZHO", "ENG")],
        "dct:spatial": {"@id": "http://publications.europa.eu/resource/authority/country/CHN", "@type": "dct:Location"},
        "dct:publisher": {"@id": f"{base}#publisher", "@type": "foaf:Agent", "foaf:name": facts.publisher},
        "dct:creator": [
            {"@id": creator.identifier or f"{base}#creator-{number}", "@type": "foaf:Agent", "foaf:name": creator.name}
            for number, creator in enumerate(facts.creators, 1)
        ],
        **_known(
            **{"dcat:landingPage": {"@id": facts.homepage, "@type": "foaf:Document"} if facts.homepage else None},
            **{"dcat:contactPoint": _contact(facts.contact) if facts.contact else None},
        ),
        "dcat:distribution": [_distribution(base, path, digests[path], sizes[path], licence) for path in digests],
    }


def _languages(words: Words) -> list[dict[str, str]]:
    return [{"@value": words.en, "@language": "en"}, {"@value": words.zh, "@language": "zh"}]


def _contact(mail: str) -> dict[str, Any]:
    return {"@type": "vcard:Kind", "vcard:hasEmail": {"@id": f"mailto:{mail}"}}


def _distribution(base: str, path: str, digest: str, size: int, licence: dict[str, str] | None) -> dict[str, Any]:
    table, kind = Path(path).stem, Path(path).suffix[1:]
    return {
        "@id": f"{base}#{table}-{kind}",
        "@type": "dcat:Distribution",
        "dct:title": _languages(release_tables()[table].title),
        "dcat:accessURL": {"@id": f"{base}{path}"},
        "dcat:downloadURL": {"@id": f"{base}{path}"},
        "dcat:mediaType": {"@id": _MEDIA_TYPES + _MEDIA[kind], "@type": "dct:MediaType"},
        "dcat:byteSize": {"@value": str(size), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": _SHA256, "@type": "spdx:ChecksumAlgorithm"},
            "spdx:checksumValue": {"@value": digest, "@type": "xsd:hexBinary"},
        },
        **_known(**{"dct:license": licence}),
    }


# ---- DataCite and CITATION.cff ----------------------------------------------------------------------------------------------


def datacite(facts: ReleaseFacts, identity: ReleaseIdentity, sizes: dict[str, int]) -> dict[str, Any]:
    """The metadata that DataCite registers (schema 4), as JSON. Without a DOI, it is what a DOI is asked for with."""
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        **_known(doi=facts.doi, url=facts.homepage),
        "creators": [
            {
                "name": creator.name,
                "nameType": "Organizational" if creator.kind == "organization" else "Personal",
                **({"nameIdentifiers": list(_identifiers(creator.identifier))} if creator.identifier else {}),
            }
            for creator in facts.creators
        ],
        "titles": [
            {"title": facts.title.en, "lang": "en"},
            {"title": facts.title.zh, "lang": "zh", "titleType": "TranslatedTitle"},
        ],
        "publisher": {"name": facts.publisher},
        "publicationYear": identity.date[:4],
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Panel of administrative statistics"},
        "subjects": [{"subject": word} for word in facts.keywords],
        "dates": [{"date": identity.date, "dateType": "Issued"}],
        "language": "zh",
        "version": identity.version,
        "formats": [_MEDIA["csv"], _MEDIA["parquet"]],
        "sizes": [f"{sum(sizes.values())} bytes"],
        "descriptions": [
            {"description": facts.description.en, "descriptionType": "Abstract", "lang": "en"},
            {"description": facts.description.zh, "descriptionType": "Abstract", "lang": "zh"},
        ],
        "geoLocations": [{"geoLocationPlace": "China"}],
        **(
            {"rightsList": [_known(rights=facts.licence, rightsUri=facts.licence_url, rightsIdentifier=facts.licence)]}
            if facts.licence
            else {}
        ),
    }


def _identifiers(identifier: str) -> Iterator[dict[str, str]]:
    for scheme, host in (("ORCID", "orcid.org"), ("ROR", "ror.org")):
        if host in identifier:
            yield {"nameIdentifier": identifier, "nameIdentifierScheme": scheme, "schemeUri": f"https://{host}"}


def citation(facts: ReleaseFacts, identity: ReleaseIdentity) -> dict[str, Any]:
    """How the release is cited, as CITATION.cff (version 1.2)."""
    return {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite them as below.",
        "type": "dataset",
        "title": facts.title.en,
        "abstract": facts.description.en,
        "authors": [{"name": creator.name} for creator in facts.creators],
        "version": identity.version,
        "date-released": date.fromisoformat(identity.date),
        "keywords": list(facts.keywords),
        **_known(doi=facts.doi, url=facts.homepage, license=facts.licence),
    }
