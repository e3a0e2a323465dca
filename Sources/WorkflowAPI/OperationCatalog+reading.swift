import Workflow

extension OperationCatalog {
  /// Reads a body with the operations that are known. When it names one that is not, looks at the live workers once,
  /// and reads it again.
  func reading<Result>(
    _ read: (DefinitionReader) throws(APIError) -> Result
  ) async throws(APIError) -> Result {
    let (reader, version) = current
    let faults: [ValidationFault]
    do {
      return try read(reader)
    } catch {
      guard case .invalid(let found) = error, found.contains(where: \.isOfUnknownOperation) else { throw error }
      faults = found
    }
    let found: Snapshot
    do {
      found = try await look()
    } catch {
      // Whether a worker has it is unknown; other faults remain.
      guard faults.allSatisfy(\.isOfUnknownOperation) else { throw .invalid(faults) }
      throw APIError(reading: error)
    }
    let (newer, newVersion) = current
    do throws(APIError) {
      guard newVersion != version else { throw .invalid(faults) }
      return try read(newer)
    } catch {
      guard case .invalid(let faults) = error, found.isIncomplete, faults.allSatisfy(\.isOfUnknownOperation) else {
        throw error
      }
      throw .unreadable(reason: "a live worker has not announced its operations to this partition yet")
    }
  }
}
