"""What the words on the page mean, for a reader who has never seen the tool."""

__all__ = ["CHECKS", "FATES", "METHOD", "STATES"]

STATES = (
    ("valid", "Every check held: the rate was reached, the ledger is closed, counts agree, the generator had room."),
    ("suspect", "Measured, but something on the machine may have moved the figures. They are shown, with the reason."),
    ("invalid", "The figures do not answer the question. They are kept in the run folder and ranked nowhere."),
    ("excluded", "Left out before the run, because it cannot keep the promise or was not there. Nothing was measured."),
    ("floor", "Brokerless: what the machine and the client cost alone. Exempt from the promise and from the rank."),
)

# Each cross-check by its name: how it is called, and what is held against what.
CHECKS = {
    "scheduled": ("all scheduled", "messages scheduled, against those sent and those never sent"),
    "fates": ("all sent", "messages sent, against those promised, refused and unknown"),
    "workers": ("processes' totals", "what each process counted, against the ledger"),
    "intervals": ("seconds' totals", "what each second counted, against the ledger"),
    "histogram": ("histogram", "messages of the window that arrived, against those whose latency was recorded"),
    "broker-counters": ("broker's counters", "what the broker counted for itself, against the ledger"),
    "mean-by-sums": ("mean by sums", "mean latency by plain sums of times, against the histogram's"),
    "littles-law": ("Little's law", "mean number under way by those sums, against throughput × mean latency"),
    "closed-loop": ("X R = N", "confirmed rate × mean confirm latency, against the messages in flight"),
    "users": ("X (R + Z) = N", "confirmed rate × (mean response + think time), against the users of the load"),
}

FATES = (
    ("scheduled", "Messages that the load called for."),
    ("sent", "Messages that the client took. sent = promised + refused + unknown."),
    ("confirmed", "The broker answered yes."),
    ("refused", "The broker answered no; the sender knows it."),
    ("unknown", "No answer came. The sender cannot tell whether the broker has it."),
    ("promised", "The sender may rely on it: confirmed where the candidate confirms, else handed over."),
    ("expected", "Deliveries owed: each promised message once to each group."),
    ("delivered", "Every delivery of a message of ours, repeats included."),
    ("unique", "Distinct messages delivered, over groups."),
    ("lost", "Promised and not delivered to the group when the drain ended."),
    ("duplicates", "delivered − unique: the same message once more to the same group."),
    ("flagged", "Duplicates that the broker marked as such: the application can tell them. Others come unannounced."),
    ("redelivered", "Deliveries the broker marked as a repeat."),
    ("returned", "Deliveries that a consumer gave back, as it was asked to: no receipts. What comes again is one."),
    ("rejected", "Delivered, and rejected for good, as the consumer was asked to: neither lost nor a duplicate."),
    ("reordered", "Came after a later one of the same producer and key. Not measured where consumers share a queue."),
    ("outstanding", "Unknown and not delivered: the fate is open, and so is the ledger."),
    ("recovered", "Unknown to the sender, and delivered all the same."),
    ("refused, delivered", "The broker answered no, and delivered it all the same."),
    ("foreign", "Not a message of this trial."),
    ("corrupt", "A message of ours whose check or body is wrong."),
)

METHOD = (
    "Latency starts at the intended time: when the schedule wanted the message sent, not when the client got round to "
    "it. A stall of broker or generator therefore shows in every message it held up.",
    "Send delay is intended to handed over; confirm latency intended to confirmed; end-to-end latency intended to "
    "received. In request-reply the response time is intended to reply received, and end-to-end ends at who answers. "
    "In a closed load a user waits for the reply, or else for the confirm; its service time is the part from the "
    "hand-over on.",
    "The unit of comparison is the trial, not the message. Intervals and ranks come from the spread between trials, "
    "paired in blocks; only the primary figure is tested, and everything else is exploratory.",
    "Percentiles come from added histograms; they are never averaged. One is printed only where at least ten messages "
    "lie beyond it. A message that never came counts as slower than all others, so a percentile may read “≥”.",
    "Warm-up is cut off by each message's intended time. No counter is reset.",
    "Every message carries a stamp. Sent and received sides are recorded in different processes and compared after the "
    "drain: that is the ledger. A loss is a fact about a candidate, not an error of the trial.",
    "Throughput is what arrived within the measured window, by the time it arrived.",
    "CPU seconds per million messages are those of the measured window; memory is the highest reading of it.",
)
