import FoundationEssentials
import Persistence
import Testing

@Suite("Migrations")
struct MigrationTests {
    @Test("the table names every file of the folder, in order, and holds its text")
    func tableMatchesFolder() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appending(path: "Sources/Persistence/Migrations")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".sql") }.sorted()
        #expect(Migrator.all.map { $0.name + ".sql" } == files)
        for (migration, file) in zip(Migrator.all, files) {
            let text = try Data(contentsOf: folder.appending(path: file))
            #expect(migration.script == Array(text), "\(file)")
        }
    }

    @Test("every name starts with its number of four digits, and none is left out")
    func numbered() {
        let numbers = Migrator.all.map { Int($0.name.prefix { $0 != "_" }) ?? 0 }
        #expect(Migrator.all.allSatisfy { $0.name.prefix { $0.isNumber }.count == 4 })
        #expect(numbers == Array(1...numbers.count))
    }
}
