import ExactJSON
import Workflow

/// The JSON Schemas of stores.
extension ResponseSchemas {
  static let store = [
    Field("namespace", text, default: .required, "its name"),
    Field("owner", text, "whose it is; absent where it has no owner"),
    Field("count", count, default: .required, "values of the whole store"),
    Field(
      "values", list(of: Field.reference("StoredValue")), default: .required,
      "the newest first; of several partitions, some of each"),
    Field("foreign", count, default: .required, "entries at this place of the list that wf has not written"),
    Field(
      "next", .other("string or null", ["type": ["string", "null"]]), default: .required,
      "the cursor of the next page; null on the last"),
  ]

  static let storedValue = [
    Field("job_id", jobID, default: .required, "the run that has stored it"),
    Field("step", text, default: .required, "the step"),
    Field("item", count, "the position of the item; only of a step that runs once per item"),
    Field("data", .value(.any), default: .required, "the value, as it was stored"),
  ]
}
