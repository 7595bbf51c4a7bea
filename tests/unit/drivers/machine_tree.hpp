// A machine described as files below a temporary folder: what checks read instead of /.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace godwit::drivers {

class MachineTree {
public:
    MachineTree() {
        std::string pattern = (std::filesystem::temp_directory_path() / "godwit-XXXXXX").string();
        root_ = mkdtemp(pattern.data());
    }
    ~MachineTree() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    MachineTree(const MachineTree&) = delete;
    MachineTree& operator=(const MachineTree&) = delete;

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }

    void file(const std::string& path, const std::string& text) {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    void link(const std::string& path, const std::string& target) {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::filesystem::create_symlink(target, root_ / path);
    }
    void erase(const std::string& path) { std::filesystem::remove_all(root_ / path); }

    void privileged(bool yes) {
        file("proc/self/status",
             std::string("Name:\tgodwit\nCapEff:\t") + (yes ? "000001ffffffffff" : "0") + "\n");
    }
    void nic(const std::string& address, const std::string& driver) {
        file("sys/bus/pci/devices/" + address + "/class", "0x020000\n");
        if (!driver.empty()) {
            link("sys/bus/pci/devices/" + address + "/driver", "../../drivers/" + driver);
        }
    }

private:
    std::filesystem::path root_;
};

}  // namespace godwit::drivers
