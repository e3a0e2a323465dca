import Glibc
import SystemPackage

extension Settings {
  /// The settings of this process: its environment, and for `wf dev` also `.env` in the working directory.
  static func load(readsDotEnv: Bool) throws -> Settings {
    try Settings(reader(files: readsDotEnv ? [SettingsFile.dotEnv()].compactMap(\.self) : []))
  }

  /// A reader of this process's environment, of files that it overrides, and of credentials (`LoadCredential=`,
  /// systemd.exec(5)).
  /// - Parameter credentials: the files that hold them, by the credential's name.
  static func reader(
    files: [SettingsFile], credentials paths: [String: String] = HostCredentials.ofProcess.paths
  ) -> SettingsReader {
    var credentials: [String: String] = [:]
    // Not its content: the file is read for every connection to Redis.
    credentials["redis_password"] = paths["redis_password"]
    guard let path = paths["llm_api_key"] else {
      return SettingsReader(environment: environment, files: files, credentials: credentials)
    }
    do {
      // Line ends around it are the editor's; one within it is refused with the other settings.
      credentials["WF_LLM_API_KEY"] = String(decoding: try Files.read(path), as: UTF8.self)
      return SettingsReader(environment: environment, files: files, credentials: credentials)
    } catch {
      var reader = SettingsReader(environment: environment, files: files, credentials: credentials)
      reader.refuse("WF_LLM_API_KEY", "the credential llm_api_key cannot be read: \(error)")
      return reader
    }
  }

  /// The settings for a command that a person calls: of the environment, of `.env` in the working directory, and of the
  /// services on this host, each before the next. Says on standard error that it has read those of the services, or
  /// that it may not although nothing else says where the API is.
  static func forClient() throws -> Settings {
    var files = [SettingsFile.dotEnv()].compactMap(\.self)
    do {
      if let host = try SettingsFile.ofHost() {
        Terminal.say("wf: using the settings of \(host.path)")
        files.append(host)
      }
    } catch {
      if environment["WF_URL"] == nil, files.first?.values["WF_URL"] == nil {
        Terminal.say(
          "wf: \(SettingsFile.hostPath) is not used: only root and its group may read it; sudo, or set WF_URL")
      }
    }
    return try Settings(reader(files: files))
  }

  /// The environment of this process.
  static var environment: [String: String] {
    var values: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let line = String(cString: text)
      if let equals = line.firstIndex(of: "=") {
        values[String(line[..<equals])] = String(line[line.index(after: equals)...])
      }
      entry += 1
    }
    return values
  }
}
