import Hiredis

extension RunStore {
  /// The name of the key that a run was submitted with; nil for a run without one, and where there is no such run.
  public func owner(of id: JobID) async throws(StoreError) -> String? {
    try await send(["HGET", keys.job(id), "owner"]).string
  }
}
