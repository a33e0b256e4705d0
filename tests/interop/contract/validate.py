"""Checks exchanges against the vendor's OpenAPI file with openapi-core, in .venv-interop.

Takes the file's name, reads a JSON list from standard input, and prints a JSON object: the faults by the exchange's
name. The file allows unknown fields in most requests; here they are faults.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import OpenAPI
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.testing import MockRequest, MockResponse

# The operations that the studio uses.
PATHS = ("/v1/images/", "/v1/tasks/", "/v1/models", "/v1/pricing")


def contract(file: Path) -> OpenAPI:
    """The part of the file that concerns the studio, with strict requests."""
    document = _as_3_0(json.loads(file.read_text()))
    document["servers"] = [{"url": "/"}]
    document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith(PATHS)}
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                for body in operation.get("requestBody", {}).get("content", {}).values():
                    body["schema"].setdefault("additionalProperties", False)
    return OpenAPI.from_dict(document)


def _as_3_0(part: Any) -> Any:
    """The file calls itself 3.0.3, and has some types of 3.1, such as `["string", "null"]`."""
    if isinstance(part, list):
        return [_as_3_0(one) for one in part]
    if not isinstance(part, dict):
        return part
    mended = {name: _as_3_0(one) for name, one in part.items()}
    if mended.get("type") == "null":
        return {"nullable": True}
    if isinstance(mended.get("type"), list):
        types = [one for one in mended.pop("type") if one != "null"]
        mended |= {"nullable": True, **({"type": types[0]} if len(types) == 1 else {})}
    return mended


def faults_of(exchange: dict, openapi: OpenAPI) -> list[str]:
    address = urlsplit(exchange["path"])
    headers = {name.title(): value for name, value in exchange["headers"].items()}
    request = MockRequest(
        "http://127.0.0.1",
        exchange["method"].lower(),
        address.path,
        args=dict(parse_qsl(address.query)),
        headers=headers,
        data=base64.b64decode(exchange["body"]) or None,
        content_type=headers.get("Content-Type", ""),
    )
    answer = MockResponse(
        base64.b64decode(exchange["answer"]), status_code=exchange["status"], content_type=exchange["answer_type"]
    )
    errors = [*openapi.iter_request_errors(request)]
    if not any(isinstance(error, PathError) for error in errors) and "/models" not in address.path:
        errors += openapi.iter_response_errors(request, answer)
    return [_words(error) for error in errors if not _is_of_the_form(error)]


def _is_of_the_form(error: BaseException) -> bool:
    """Whether openapi-core complains only of how a form carries fields.

    It does not read a number from a form's text, and it makes an empty list of a list that was not sent.
    """
    found = getattr(error.__cause__, "schema_errors", ())
    return bool(found) and all(
        (fault.validator, fault.validator_value) == ("type", "integer") and str(fault.instance).isdecimal()
        if isinstance(fault.instance, str)
        else fault.validator == "minItems" and fault.instance == []
        for fault in found
    )


def _words(error: BaseException) -> str:
    """The error with its causes, which say which field it is."""
    words = [type(error).__name__]
    words += [fault.message for fault in getattr(error.__cause__, "schema_errors", ())]
    return "; ".join(words if len(words) > 1 else [*words, str(error)])[:500]


def main() -> None:
    openapi = contract(Path(sys.argv[1]))
    faults: dict[str, list[str]] = {}
    for exchange in json.load(sys.stdin):
        faults.setdefault(exchange["name"], []).extend(faults_of(exchange, openapi))
    json.dump(faults, sys.stdout)


if __name__ == "__main__":
    main()
