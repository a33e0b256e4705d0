"""What servers say, and what it means: tables alone. This is the one place to add a row (docs/upstream.md says how).

Each row has its source in a comment: a vendor's page, or a public report (repository#number). The readers in
``fields``, ``pictures``, ``parse`` and ``refusals`` compare names and words folded: case, separators and camelCase do
not count, so ``TaskId``, ``task_id`` and ``taskId`` are one row.
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from lemonstudio.marking import gettext_noop


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def folded(text: str) -> tuple[str, ...]:
    """The words of a status or a code in lower case: "TaskStatus.IN_PROGRESS" is ("task", "status", "in", "progress").

    Only its beginning counts: no status and no code is longer than 200 characters.
    """
    plain = unicodedata.normalize("NFKC", text[:200])
    return tuple(re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower()))


@lru_cache(4096)  # every answer has the same names
def folded_name(name: str) -> str:
    """The name of a field without separators and case."""
    return name.replace("_", "").replace("-", "").lower()


@lru_cache(256)
def folded_names(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The names of a table, each with its folded form."""
    return tuple((name, folded_name(name)) for name in names)


# -- status

# Fields that hold the status of a task.
STATUS_FIELDS = (
    "status",  # the vendor's
    "state",  # kie.ai
    "task_status",  # Kling, DashScope
    "job_status",
    "status_text",
)

# Stems, at the beginning of any word of the status; the first row that fits decides. Failure comes first: "content
# moderated" and "request failed" say no success, and "not started" no start.
STATUS_STEMS: tuple[tuple[Status, str], ...] = (
    (Status.FAILED, "fail"),  # the vendor's; Midjourney proxies: FAILURE; kie.ai: fail
    (Status.FAILED, "error"),  # BFL: Error; minimaxir/gemimg#5: errored
    (Status.FAILED, "abort"),  # minimaxir/gemimg#5
    (Status.FAILED, "block"),  # minimaxir/gemimg#5
    (Status.FAILED, "moderat"),  # BFL: Request Moderated, Content Moderated
    (Status.FAILED, "nsfw"),  # minimaxir/gemimg#5
    (Status.FAILED, "timeout"),  # minimaxir/gemimg#5
    (Status.FAILED, "timed out"),  # RunPod: TIMED_OUT
    (Status.FAILED, "time out"),
    (Status.FAILED, "reject"),  # "rejected", seen at stand-ins
    (Status.FAILED, "refus"),
    (Status.FAILED, "declin"),
    (Status.FAILED, "denied"),
    (Status.FAILED, "cancel"),  # the vendor's client: cancelled, canceled
    (Status.FAILED, "expir"),  # the vendor's client, Volcengine: expired
    (Status.FAILED, "invalid"),
    (Status.FAILED, "terminat"),
    (Status.FAILED, "killed"),
    (Status.FAILED, "crash"),
    (Status.FAILED, "not found"),  # BFL: Task not found; Volcengine: not_found
    (Status.FAILED, "unsuccess"),
    (Status.PENDING, "not start"),  # Midjourney proxies: NOT_START
    (Status.PENDING, "not runn"),  # Azure OpenAI: notRunning
    (Status.PROCESSING, "not ready"),
    (Status.PROCESSING, "not complet"),
    (Status.PROCESSING, "not finish"),
    (Status.PROCESSING, "not done"),
    (Status.PENDING, "pend"),  # the vendor's
    (Status.PENDING, "queu"),  # fal, RunPod: IN_QUEUE; kie.ai: queuing
    (Status.PENDING, "submit"),  # Kling: submitted
    (Status.PENDING, "creat"),
    (Status.PENDING, "wait"),  # kie.ai: waiting
    (Status.PENDING, "accept"),
    (Status.PENDING, "schedul"),
    (Status.PENDING, "receiv"),
    (Status.PENDING, "init"),
    (Status.PENDING, "staged"),  # PiAPI
    (Status.PENDING, "new"),
    (Status.PROCESSING, "start"),  # Replicate: starting
    (Status.PROCESSING, "process"),  # the vendor's
    (Status.PROCESSING, "progress"),  # fal, RunPod: IN_PROGRESS
    (Status.PROCESSING, "runn"),  # DashScope: RUNNING
    (Status.PROCESSING, "generating"),  # Volcengine, kie.ai
    (Status.PROCESSING, "rendering"),
    (Status.PROCESSING, "drawing"),
    (Status.PROCESSING, "upload"),
    (Status.PROCESSING, "working"),
    (Status.PROCESSING, "executing"),
    (Status.PROCESSING, "preparing"),
    (Status.PROCESSING, "retry"),
    (Status.PROCESSING, "ongoing"),
    (Status.PROCESSING, "active"),
    (Status.COMPLETED, "succe"),  # linuxhsj/openclaw-zero-token#296; Kling: succeed; Novita: TASK_STATUS_SUCCEED
    (Status.COMPLETED, "complet"),  # the vendor's; Leonardo: COMPLETE
    (Status.COMPLETED, "finish"),  # Tensor.art: FINISH
    (Status.COMPLETED, "ready"),  # BFL
    (Status.COMPLETED, "done"),  # Volcengine
    (Status.COMPLETED, "ok"),
    (Status.COMPLETED, "generated"),
    (Status.COMPLETED, "deliver"),
    (Status.COMPLETED, "fulfil"),
)
# These stand alone: as stems they would be found in too many words ("okra", "newest").
WHOLE_WORDS = frozenset(("ok", "new", "done", "ready", "active"))
# What of the failures says that the prompt was declined.
DECLINED_STEMS = ("moderat", "nsfw", "block", "sensitiv")
CANCELLED = "cancel"  # of the failures, the one that says so about itself


def status_of(word: str) -> Status | None:
    """What a status word means; None for an unknown one. Numbers mean something else at every server: unknown."""
    return _status_of(folded(word))


@lru_cache(1024)
def _status_of(words: tuple[str, ...]) -> Status | None:
    for status, stem in STATUS_STEMS:
        parts = stem.split()
        for at in range(len(words) - len(parts) + 1):
            here = words[at : at + len(parts)]
            if here[:-1] == tuple(parts[:-1]) and _begins(here[-1], parts[-1]):
                return status
    return None


def is_declined(word: str) -> bool:
    return any(one.startswith(DECLINED_STEMS) for one in folded(word))


def _begins(word: str, stem: str) -> bool:
    return word == stem if stem in WHOLE_WORDS else word.startswith(stem)


# -- whose task it is, and where to ask

TASK_ID_FIELDS = (
    "task_id",  # the vendor's
    "job_id",
    "generation_id",  # Leonardo
    "prediction_id",
)
# An id that is a task's only where the answer says that there is a task.
WEAK_ID_FIELDS = (
    "id",  # the vendor's newer answers; Replicate, BFL, RunPod
    "request_id",  # fal
    "uuid",
)
POLL_FIELDS = (
    "poll_url",  # the vendor's
    "polling_url",  # BFL
    "status_url",  # fal
    "task_url",
    "result_url",
    "response_url",  # fal: beside status_url, which says more
)
# Fields of a finished task that say where its result is asked for, if it does not stand beside the status.
RESULT_ADDRESS_FIELDS = (
    "response_url",  # fal
    "result_url",
    "output_url",
)
POLL_HEADERS = ("location", "operation-location")  # RFC 9110; Azure
# Paths below the base URL, for the ids that begin with the prefix; those behind the first are asked on 404 and 405.
POLL_PATHS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ldtask_", ("/tasks/{}", "/images/{}", "/images/generations/{}")),  # the vendor's newer pages
    ("", ("/images/generations/{}", "/tasks/{}", "/images/{}")),  # "Get Image Status", the vendor's older page
)

# -- where pictures stand

# Fields that hold items, or an object with items, the likeliest first; the first that brings a picture counts.
CONTAINERS = (
    "data",  # OpenAI, the vendor; new-api and one-api: data.data
    "images",  # fal, Novita; third-party clients of the vendor
    "image",
    "output",  # Replicate, RunPod, DashScope: output.results
    "outputs",
    "result",  # BFL: result.sample
    "results",
    "artifacts",  # Stability
    "predictions",  # Imagen on Vertex
    "generated_images",  # Google's SDKs
    "generations",  # Leonardo
    "task_result",  # Kling: data.task_result.images
    "response",  # kie.ai: data.response.resultUrls
    "files",
    "candidates",  # Gemini: candidates[].content.parts[].inlineData
    "content",
    "parts",
    "inline_data",
    "choices",  # OpenRouter: choices[].message.images[]
    "message",
    "delta",  # OpenRouter, in a stream: choices[].delta.images[]
    "task",  # Novita: beside the images, about the task alone
)
# Fields of an item that hold an address; a text, a list of texts, or an object with such a field.
URL_FIELDS = (
    "url",  # OpenAI, the vendor
    "image_url",  # Novita; OpenRouter's is an object
    "image_urls",
    "urls",
    "result_urls",  # kie.ai
    "sample",  # BFL
    "image",
    "img_url",
    "img",
    "uri",
    "link",
    "src",
    "href",
    "download_url",
    "signed_url",
    "file_url",
    "oss_url",
)
# Fields of an item that hold the picture itself in base64.
B64_FIELDS = (
    "b64_json",  # OpenAI, the vendor
    "b64",
    "base64",  # Stability
    "image_base64",
    "base64_image",
    "image_b64",
    "bytes_base64_encoded",  # Imagen on Vertex
    "binary_data_base64",  # Volcengine: a list
)
REVISED_FIELDS = ("revised_prompt", "enhanced_prompt")
# What was sent along, and what only shows what there is: no picture is looked for in these.
NO_RESULTS = frozenset(
    (
        *("input", "inputs", "request", "params", "parameters", "source", "mask", "reference", "metadata", "usage"),
        *("thumbnail", "thumbnails", "preview", "avatar", "logo", "links", "docs", "help", "hint", "logs"),
        *("error", "errors"),
    )
)
# Stems of the kinds of events, in an answer that comes as a stream of them.
PREVIEW_EVENTS = ("partial", "preview")  # OpenAI: image_generation.partial_image
ERROR_EVENTS = ("error", "fail")  # OpenAI: error; its Responses API: response.failed
PROGRESS_FIELDS = ("progress", "percent", "percentage", "progress_percent")  # the vendor's; Novita: progress_percent

# -- why it failed

# Fields that hold what went wrong, the likeliest first; inside of them again.
ERROR_FIELDS = (
    "error",  # the vendor's: a text or an object
    "fail_reason",  # new-api, Midjourney proxies
    "failure_reason",
    "error_message",
    "err_msg",
    "error_msg",
    "fail_msg",  # kie.ai
    "errors",  # GraphQL, Cloudflare
    "validation_errors",  # the vendor's newer pages
)
# Fields that may say it, too, and may say that all is well.
TEXT_FIELDS = (
    "message",  # OpenAI; QuantumNous/new-api#2532: beside the status
    "msg",  # FastAPI
    "detail",  # FastAPI; Replicate
    "task_status_msg",  # Kling
    "status_msg",  # MiniMax: base_resp.status_msg
    "reason",  # Novita
    "base_resp",
    "description",
    "title",  # problem+json
)
REASON_FIELDS = (*ERROR_FIELDS, *TEXT_FIELDS)
CODE_FIELDS = ("code", "error_code", "err_code", "errcode", "fail_code")
# Values of `code` that mean that all is well.
GOOD_CODES = frozenset(("", "0", "200", "201", "202", "10000", "ok", "success", "succeeded", "true"))

# Codes and types by which a service declines a prompt, folded. They become DECLINED.
DECLINED = "content_policy_violation"
POLICY_CODES = frozenset(
    (
        "contentpolicyviolation",  # the vendor, OpenAI
        "moderationblocked",  # OpenAI; Wei-Shaw/sub2api#3429
        "contentfilter",  # Azure
        "contentfiltered",
        "responsibleaipolicyviolation",  # Azure: innererror.code
        "contentmoderated",  # BFL
        "requestmoderated",  # BFL
        "contentmoderation",  # Stability
        "promptblocked",
        "promptrejected",
        "safety",  # Gemini: finishReason
        "imagesafety",  # Gemini: finishReason
        "prohibitedcontent",  # Gemini: blockReason
        "safetyviolation",
        "safetyviolations",
        "policyviolation",
        "nsfw",
        "nsfwcontent",
        "sensitivewordsdetected",  # one-api, new-api
        "datainspectionfailed",  # DashScope
        "inappropriatecontent",
        "unsafecontent",
    )
)
# What is said instead where no code is, in a refusal of this request or a failed task.
POLICY_WORDS = re.compile(
    r"content[ _-]?(policy|filter|moderation|safety)|content management policy"  # the vendor, OpenAI, Azure
    r"|safety (system|filter|polic|checker|guideline|setting)"  # OpenAI
    r"|moderation[ _-]?(block|system|filter|polic|check)"
    r"|(request|content) moderated|\bnsfw\b|sensitive (word|content|information)"  # BFL; sub2api#3009
    r"|usage polic|polic(y|ies) violation|violat\w* .{0,40}(polic|guideline|terms)"
    r"|(prompt|content|request|image|output|generation)s? (was|were|has been|is|are|contains?|may contain|got)?[ ]?"
    r"(blocked|flagged|moderated|inappropriate|prohibited|disallowed|unsafe)"
    r"|prompt (was |has been |is )?(rejected|declined|refused)|rejected by .{0,40}(safety|moderation|filter)"
    r"|blocked by .{0,40}(safety|moderation|filter|polic)|responsible ?ai|^blocked\.?$",
    re.IGNORECASE,
)

# Codes and types that mean the account with any 4xx, folded, and the code that the studio goes by.
ACCOUNT_CODES = {
    "invalidapikey": "invalid_api_key",  # the vendor, OpenAI
    "expiredapikey": "expired_api_key",  # the vendor
    "nodbconnection": "invalid_api_key",  # BerriAI/litellm#12273: a wrong key, answered with 400
    "insufficientbalance": "insufficient_balance",  # the vendor
    "insufficientquota": "insufficient_quota",  # OpenAI, with 429
    "insufficientuserquota": "insufficient_quota",  # one-api, new-api, with 403
    "quotaexceeded": "quota_exceeded",  # the vendor
    "billinghardlimitreached": "billing_hard_limit_reached",  # OpenAI, with 400
    "billingnotactive": "billing_hard_limit_reached",  # OpenAI, with 429
    "budgetexceeded": "budget_exceeded",  # BerriAI/litellm#14144, with 400 or 429
    "authenticationerror": "invalid_api_key",
    "autherror": "invalid_api_key",  # BerriAI/litellm#4880
}
ACCOUNT_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(authentication error, )?no connected db\b", re.IGNORECASE), "invalid_api_key"),  # litellm#12273
    (re.compile(r"^budget has been exceeded\b", re.IGNORECASE), "budget_exceeded"),  # BerriAI/litellm#14144
)
# Where the words of a refusal do not help, these do.
HINTS = {
    "nodbconnection": gettext_noop(
        "The proxy (LiteLLM) says this where it does not know the key: check the studio’s API key."
    ),
}

# Codes of a refusal that say something else than "change the request": they are kept. All others of a 400 or 422
# become `invalid_request_error`, so that Edit prompt is offered.
KEPT_CODES = frozenset(
    (
        "modelnotfound",  # the vendor, OpenAI
        "modelnotallowed",
        "modeldoesnotexist",
        "accessdenied",
        "payloadtoolarge",
        "asynctasknotfound",
        "nocontractcompatibleroute",  # the vendor: the request's shape is wrong for the model
        "requestshapechannelmismatch",
        "upstreamcontractmismatch",
        "sourcegone",
    )
)
SAME_AS = {"modeldoesnotexist": "model_not_found"}
# Types that say no more than that it failed: the status says more.
GENERIC_TYPES = frozenset(("invalidrequesterror", "error", "apierror", "badrequest", "none"))

# What would mend a request, for the administrator: the vendor's error pages.
ADVICE_FIELDS = (
    "supported_parameters",
    "supported_operations",
    "allowed_aspect_ratios",
    "allowed_resolutions",
    "required_selectors",
    "optional_selectors",
    "prompt_max_characters",
    "recommended_request",
    "request_endpoint",
    "validation_errors",
)

# -- ids and counts for support and for the bill

BILLING_FIELDS = ("billing_transaction_id",)  # the vendor's, in the body
BILLING_HEADERS = ("x-billing-transaction-id",)  # the vendor's
REQUEST_HEADERS = ("x-request-id", "request-id", "x-litellm-call-id", "cf-ray")  # OpenAI; LiteLLM; Cloudflare
TASK_HEADERS = ("x-task-id",)  # the vendor's
USAGE_FIELDS = ("input_tokens", "output_tokens", "total_tokens", "prompt_tokens", "completion_tokens")  # OpenAI
USAGE_DETAILS = (
    "input_tokens_details",  # OpenAI
    "output_tokens_details",
    "prompt_tokens_details",
    "completion_tokens_details",
)

# -- waiting

WAIT_WORDS = re.compile(
    r"(?:try|retry|again|wait|available|reset)\w*(?: again)?(?: request)?(?: after| in| for| until)?[ :]+(?:about )?"
    r"((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|h|hours?|minutes?|mins?|m|seconds?|secs?|s)[ ,]*(?:and )?){1,4})",
    re.IGNORECASE,
)  # OpenAI: "Please try again in 2s", "in 6m0s", "in 120ms"
# The vendor's and GitHub's; OpenAI's; the IETF's draft.
REMAINING_HEADERS = (
    "x-ratelimit-remaining",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-images",
    "ratelimit-remaining",
)
RESET_HEADERS = (
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-images",
    "ratelimit-reset",
)
