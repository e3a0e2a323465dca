import ExactJSON
import Workflow
import WorkflowStore

/// The JSON Schemas of callbacks.
extension ResponseSchemas {
  static let callback = [
    Field("id", text, default: .required, "its id, the `webhook-id` of each attempt"),
    Field("job_id", jobID, default: .required, "the run's id"),
    Field("owner", text, "whose it is, with API keys"),
    Field("url", text, default: .required, "where it goes; values of the query are hidden"),
    Field("type", text, default: .required, "what it reports, such as `run.finished`"),
    Field(
      "state", .value(.oneOf(StoredCallback.State.allCases.map(\.rawValue))), default: .required, "its state"),
    Field("attempts", count, default: .required, "how often it was sent"),
    Field("created_ts", timeOrNull, default: .required, "when the run ended"),
    Field("last_ts", timeOrNull, default: .required, "when the last attempt began"),
    Field(
      "next_ts", timeOrNull, default: .required,
      "when it is due, or sent again should its sender die; null when it is delivered or dead"),
    Field("delivered_ts", timeOrNull, default: .required, "when it was delivered"),
    Field("dead_ts", timeOrNull, default: .required, "when it was given up"),
    Field("last_status", count, "what the receiver answered last"),
    Field("last_error", text, "why the last attempt has failed"),
  ]

  static let callbacks = [
    Field(
      "callbacks", list(of: Field.reference("Callback")), default: .required,
      "those that wait, the first due first; dead ones the newest first"),
    Field(
      "next", .other("string or null", ["type": ["string", "null"]]), default: .required,
      "the cursor of the next page; null on the last"),
  ]

  static let retriedCallbacks = [
    Field("retried", count, default: .required, "dead callbacks that are sent again"),
    Field("left", count, default: .required, "dead callbacks that are left, to be asked for again"),
  ]
}
