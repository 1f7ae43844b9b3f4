"""Notifications in English. The places in braces are described in `phrases.py`."""

from typing import Final

from services.notification.templates.book import Book, Note, Reader
from shared.office.vocabulary import Authority

_NOTES: Final = {
    "task.assigned": {
        Reader.LEAD: Note(
            "New task assigned{urgency}",
            "{giver} assigned {task} to {lead} as the lead agency, {term}. "
            "Please receive it by {receipt_due} and carry it out.",
        ),
        Reader.COORDINATING: Note(
            "New task to coordinate{urgency}",
            "{giver} assigned {task} to {lead} as the lead agency, {term}. Please coordinate with the lead agency.",
        ),
        Reader.MONITOR: Note(
            "New task to monitor{urgency}",
            "{giver} assigned {task} to {lead} as the lead agency, {term}. Please monitor it and urge it on.",
        ),
    },
    "task.received": {
        Reader.LEAD: Note(
            "Task received and presented by the records clerk{urgency}",
            "The records clerk of {lead} received and presents {task}, {term}. Please consider and delegate it.",
        ),
    },
    "task.refused": {
        Reader.DECIDER: Note(
            "{lead} refused a task",
            "{lead} refused {task}{reason}. Please {decider}reassign or recall it.",
        ),
    },
    "task.reassigned": {
        Reader.LEAD: Note(
            "Task reassigned to your agency{urgency}",
            "{giver} {handover} as the lead agency, {term}{reason}. "
            "Please receive it by {receipt_due} and carry it out.",
        ),
        Reader.FORMER_LEAD: Note(
            "Task reassigned to another agency",
            "{giver} {handover} as the lead agency{reason}. Please hand the files over to {lead}.",
        ),
        Reader.FORMER_OFFICER: Note(
            "Task reassigned to another agency",
            "{giver} {handover} as the lead agency{reason}. Please stop working on it and hand the files over.",
        ),
        Reader.COORDINATING: Note(
            "Lead agency changed",
            "{giver} {handover} as the lead agency, {term}{reason}. Please go on coordinating with {lead}.",
        ),
        Reader.MONITOR: Note(
            "Lead agency changed",
            "{giver} {handover} as the lead agency, {term}{reason}. Please go on monitoring the task.",
        ),
    },
    "task.corrected": {
        Reader.LEAD: Note(
            "Task corrected",
            "{giver} corrected {task}{reason}. Please carry it out as corrected.",
        ),
        Reader.COORDINATING: Note(
            "Your agency coordinates a task",
            "{giver} added your agency to those that coordinate {task}, led by {lead}, {term}{reason}. "
            "Please coordinate with the lead agency.",
        ),
        Reader.MONITOR: Note(
            "Your agency monitors a task",
            "{giver} made your agency the monitor of {task}, led by {lead}, {term}{reason}. "
            "Please monitor it and urge it on.",
        ),
        Reader.TAKEN_OUT: Note(
            "Your agency no longer takes part in a task",
            "{giver} corrected {task}, led by {lead}: your agency no longer coordinates or monitors it{reason}. "
            "Please stop coordinating or monitoring.",
        ),
    },
    "task.deadline_set": {
        Reader.LEAD: Note(
            "Deadline set",
            "{giver} set the deadline of {task} to {due_on}{reason}. Please complete it on time.",
        ),
    },
    "task.delegated": {
        Reader.OFFICER: Note(
            "Task delegated to you{urgency}",
            "{lead} delegated {task} to you, {term}{instruction}. Please carry it out and keep its progress current.",
        ),
        Reader.FORMER_OFFICER: Note(
            "Task delegated to somebody else",
            "{lead} delegated {task} to {officer} in your place. Please hand the files over.",
        ),
    },
    "task.officer_left": {
        Reader.LEAD: Note(
            "Officer left, task to be delegated anew",
            "The officer to whom {task} was delegated is no longer an officer of {lead}. "
            "Please delegate it to another officer, {term}.",
        ),
    },
    "task.extension_requested": {
        Reader.DECIDER: Note(
            "{lead} asks for an extension",
            "{lead} asks to extend {task} from {due} to {asked}{reason}. Please {decider}consider and decide.",
        ),
    },
    "task.extension_approved": {
        Reader.LEAD: Note(
            "Extension approved",
            "{giver} extended {task} to {due}{reason}. Please complete it by then, as a task is extended only once.",
        ),
    },
    "task.extension_refused": {
        Reader.LEAD: Note(
            "Extension refused",
            "{giver} refused to extend {task} to {asked}{reason}. Please keep to the deadline given ({due}).",
        ),
    },
    "task.reported": {
        Reader.DECIDER: Note(
            "{lead} reported on a task",
            "{lead} reported the result of {task}. Please {decider}accept or return the report.",
        ),
    },
    "task.report_returned": {
        Reader.LEAD: Note(
            "Report returned",
            "{giver} returned the report on {task}{reason}. Please continue and report again, {term}.",
        ),
        Reader.OFFICER: Note(
            "Report returned",
            "{giver} returned the report on {task}{reason}. Please continue and keep the progress up to date, {term}.",
        ),
    },
    "task.completed": {
        Reader.LEAD: Note(
            "Task accepted as completed",
            "{giver} accepted {task} as {outcome}. No further report on its result is needed.",
        ),
        Reader.OFFICER: Note(
            "Task accepted as completed",
            "{giver} accepted {task} as {outcome}. No further update of its progress is needed.",
        ),
        Reader.COORDINATING: Note(
            "Coordinated task completed",
            "{giver} accepted {task}, led by {lead}, as {outcome}. This is for your information.",
        ),
        Reader.MONITOR: Note(
            "Monitored task completed",
            "{giver} accepted {task}, led by {lead}, as {outcome}. Please close your monitoring.",
        ),
    },
    "task.recalled": {
        Reader.LEAD: Note("Task recalled", "{giver} recalled {task}{reason}. Please stop working on it."),
        Reader.OFFICER: Note("Task recalled", "{giver} recalled {task}{reason}. Please stop working on it."),
        Reader.COORDINATING: Note(
            "Coordinated task recalled",
            "{giver} recalled {task}, led by {lead}{reason}. Please stop coordinating.",
        ),
        Reader.MONITOR: Note(
            "Monitored task recalled",
            "{giver} recalled {task}, led by {lead}{reason}. Please stop monitoring.",
        ),
    },
    "task.urged": {
        Reader.LEAD: Note(
            "{actor} urges a task on",
            "{actor} urges {task} on, {term}{message}. Please carry it out promptly and report the result.",
        ),
        Reader.OFFICER: Note(
            "{actor} urges a task on",
            "{actor} urges {task} on, {term}{message}. Please carry it out promptly and keep its progress up to date.",
        ),
    },
    "task.explanation_required": {
        Reader.LEAD: Note(
            "Task overdue, explanation due",
            "{Task} {late}. Please explain in writing by {explanation_due}.",
        ),
        Reader.OFFICER: Note(
            "Task overdue, explanation due",
            "{Task} {late}. Please help the head of your agency to explain in writing by {explanation_due}.",
        ),
        Reader.MONITOR: Note(
            "Monitored task overdue",
            "{Task}, led by {lead}, {late}. Please urge on the work and the explanation.",
        ),
    },
    "task.explanation_submitted": {
        Reader.DECIDER: Note(
            "{lead} explained an overdue task",
            "{lead} explained why {task} is overdue{cause}. Please {decider}consider and rule on it.",
        ),
    },
    "task.explanation_accepted": {
        Reader.LEAD: Note(
            "Explanation accepted",
            "{giver} accepted the explanation on {task}{directive}. Please do as the explanation says.",
        ),
    },
    "task.explanation_refused": {
        Reader.LEAD: Note(
            "Explanation refused",
            "{giver} refused the explanation on {task}{reason}{directive}. "
            "Please explain again in writing by {explanation_due}.",
        ),
    },
    "deadline.due_soon": {
        Reader.LEAD: Note(
            "Task due soon",
            "{Task} is due {due_on}{left}. Please complete it and report the result on time.",
        ),
        Reader.OFFICER: Note(
            "Task due soon",
            "{Task} is due {due_on}{left}. Please complete it and keep its progress up to date.",
        ),
    },
    "deadline.due_today": {
        Reader.LEAD: Note(
            "Task due today",
            "{Task} is due today, {due_on}. Please complete it and report the result in time.",
        ),
        Reader.OFFICER: Note(
            "Task due today",
            "{Task} is due today, {due_on}. Please complete it and update its progress in time.",
        ),
    },
    "deadline.receipt_overdue": {
        Reader.LEAD: Note(
            "Receipt overdue",
            "{lead} has not received {task} within the term. Please receive it now and carry it out.",
        ),
        Reader.DECIDER: Note(
            "{lead} has not received a task",
            "{lead} has not received {task} within the term. Please {decider}urge or reassign it.",
        ),
    },
    "deadline.report_missing": {
        Reader.LEAD: Note(
            "Task finished, report missing",
            "{Task} stands at 100% but no report was submitted. Please report the result to have it accepted.",
        ),
        Reader.OFFICER: Note(
            "Task finished, report missing",
            "{Task} stands at 100% but no report was submitted. Please ask the head of your agency to report it.",
        ),
    },
    "deadline.explanation_overdue": {
        Reader.LEAD: Note(
            "Explanation overdue",
            "{lead} has not explained within the term why {task} is overdue. Please explain in writing now.",
        ),
        Reader.DECIDER: Note(
            "{lead} has not explained an overdue task",
            "{lead} has not explained within the term why {task} is overdue. Please {decider}consider what to do.",
        ),
    },
}

_FRAGMENTS: Final = {
    "task": 'the task "{title}"{document}',
    "document": " ({document})",
    "urgency": " ({priority})",
    "on_day": "{day}",
    "term": "due {due}",
    "term_in_words": 'term: "{words}"',
    "no_term": "without a deadline",
    "handed_over": "reassigned {task} from {former} to {lead}",
    "handed_back": "assigned {task} again to {lead}",
    "handed": "reassigned {task} to {lead}",
    "officer": "{name}",
    "another_officer": "somebody else",
    "reason": ', reason: "{words}"',
    "message": ', message: "{words}"',
    "instruction": ', instruction: "{words}"',
    "directive": ', directive: "{words}"',
    "cause": ", cause: {cause}",
    "left": ", {days} left",
    "late": "is overdue (due {due})",
    "late_by": "is {days} overdue (due {due})",
    "completed": "completed",
    "completed_on_time": "completed on time",
    "completed_late": "completed late",
    "assigner": "",
    "entered_by": "help the leader to ",
}

BOOK: Final = Book(
    notes=_NOTES,
    tasks_waiting=Note(
        "Tasks waiting to be received: {count}",
        "Tasks that your agency leads and has not received: {count}. Please receive them and carry them out.",
    ),
    fragments=_FRAGMENTS,
    givers={
        None: "The provincial People's Committee's leader",
        Authority.COMMITTEE: "The provincial People's Committee",
        Authority.CHAIR: "The Chair of the provincial People's Committee",
        Authority.VICE_CHAIR: "The Vice Chair of the provincial People's Committee",
    },
)
