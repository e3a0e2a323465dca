"""What the peer's API and its workers share: the request as pydantic checks it, and the keys of a run in Redis."""
from typing import Any, Literal

from pydantic import BaseModel


class Step(BaseModel):
    id: str
    op: Literal["preprocess", "llm_summarize", "store_result"]
    needs: list[str] = []
    params: dict[str, Any] = {}


class Workflow(BaseModel):
    run_name: str
    inputs: dict[str, Any] = {}
    steps: list[Step]


class Accepted(BaseModel):
    job_id: str
    status_url: str
