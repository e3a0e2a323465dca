import WorkflowStore

extension JobID {
  /// Reads the id in a path, and adds it to the request's log line.
  /// - Throws: a 404 when it is not a UUID.
  init(path argument: String, _ context: RequestContext) throws(APIError) {
    guard let id = JobID(argument) else { throw .notFound("there is no job of this id; an id is a UUID") }
    context.note("job", id.description)
    self = id
  }
}

extension APIError {
  /// The 404 for an unknown or expired job.
  static func noJob(_ id: JobID) -> Self { .notFound("there is no job \(id), or it has expired") }
}
