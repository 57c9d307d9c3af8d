// Memory that operations use where it is not the host's: a device's. Addresses of it are for operations and
// for the calls here; the host cannot look behind them. Copies and operations happen in the order of the
// calls. Thread: one at a time.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::kernels {

class DeviceMemory {
  public:
    virtual ~DeviceMemory() = default;

    virtual uint64_t total_bytes() const = 0;
    virtual uint64_t free_bytes() const = 0;

    // Aligned to 256. `element`: size of what operations write there at a time, 1, 2 or 4; 0: they only read.
    // null when there is not so much left, which is a failure.
    virtual std::byte* allocate(const std::string& name, size_t bytes, size_t element) = 0;
    virtual void free(std::byte* at) = 0;   // may be null
    virtual void clear(std::byte* at) = 0;  // zeros, all of an allocation

    virtual void upload(std::byte* to, const void* from, size_t bytes) = 0;
    virtual void download(void* to, const std::byte* from, size_t bytes) = 0;  // waits for what is under way
    virtual void copy(std::byte* to, const std::byte* from, size_t bytes) = 0;

    // After a failure operations and copies do nothing, so results mean nothing, until it is taken. That of a
    // lost device stays.
    virtual bool failed() const = 0;
    virtual std::optional<std::string> take_failure() = 0;
};

// Values that operations work on and the host looks at: one place without a device, two with one. Grows to
// the largest that was asked for; what it holds then is lost.
template <class T>
class Buffer {
  public:
    // device: null where operations use the host's memory.
    Buffer(DeviceMemory* device, std::string name) : device_(device), name_(std::move(name)) {}
    ~Buffer() {
        if (device_) device_->free(reinterpret_cast<std::byte*>(on_device_));
    }
    Buffer(const Buffer&) = delete;

    // On a device that has no room for it, data() is null and the device has failed.
    void grow(int64_t size) {
        if (size <= size_) return;
        size_ = size;
        if (!device_) return on_host_.resize(static_cast<size_t>(size));
        device_->free(reinterpret_cast<std::byte*>(on_device_));
        on_device_ = reinterpret_cast<T*>(
            device_->allocate(name_, static_cast<size_t>(size) * sizeof(T), std::min<size_t>(sizeof(T), 4)));
        if (!on_device_) size_ = 0;
    }
    T* data() { return device_ ? on_device_ : on_host_.data(); }  // for operations

    // What the host has to say or sees: the first `size` values, before send() or after receive().
    T* host(int64_t size) {
        if (static_cast<int64_t>(on_host_.size()) < size) on_host_.resize(static_cast<size_t>(size));
        return on_host_.data();
    }
    void send(int64_t size) {
        if (device_) device_->upload(bytes(), host(size), static_cast<size_t>(size) * sizeof(T));
    }
    void receive(int64_t size) {
        if (device_) device_->download(host(size), bytes(), static_cast<size_t>(size) * sizeof(T));
    }

  private:
    std::byte* bytes() { return reinterpret_cast<std::byte*>(on_device_); }

    DeviceMemory* device_;
    std::string name_;
    int64_t size_ = 0;
    T* on_device_ = nullptr;
    std::vector<T> on_host_;
};

}  // namespace sluice::kernels
