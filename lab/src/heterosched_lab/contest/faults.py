"""What a contest says of a strategy that fails or breaks the rules."""

from __future__ import annotations

from heterosched.errors import HeteroSchedError


class FailedStrategy(HeteroSchedError):
    """A strategy that raised, or whose answer cannot be used: names it, the task and the fault."""

    def __init__(self, strategy: str, task: int, problem: str) -> None:
        self.strategy, self.task, self.problem = strategy, task, problem
        super().__init__(f"strategy {strategy}: task {task}: {problem}; mend the strategy or leave it out")


class BrokenLog(HeteroSchedError):
    """A log that the checker does not accept: names the strategy, the task and what is impossible."""

    def __init__(self, strategy: str, task: int, problem: str) -> None:
        self.strategy, self.task, self.problem = strategy, task, problem
        super().__init__(f"strategy {strategy}: task {task}: {problem}")
