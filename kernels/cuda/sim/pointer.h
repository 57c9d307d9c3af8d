// Ptr<T>: a pointer of a kernel that knows its region. Every read and write through it is checked: bounds,
// alignment, races, what was never written. nvcc sees T* instead (kernels/cuda/device.h), so Ptr offers only
// what both have.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/cuda/sim/device_calls.h"

namespace sluice::kernels::cuda::sim {

// One element in memory: reads when converted, writes when assigned to.
template <class T>
class Ref {
  public:
    Ref(T* at, Region* region) : at_(at), region_(region) {}
    Ref(const Ref&) = default;

    operator T() const {
        touch(region_, at_, sizeof(T), alignof(T), Access::read);
        T value;
        std::memcpy(&value, at_, sizeof value);
        return value;
    }
    const Ref& operator=(T value) const {
        touch(region_, at_, sizeof(T), alignof(T), Access::write);
        std::memcpy(at_, &value, sizeof value);
        return *this;
    }
    const Ref& operator=(const Ref& other) const { return *this = static_cast<T>(other); }
    const Ref& operator+=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) + value); }

  private:
    T* at_;
    Region* region_;
};

template <class T>
class Ptr {
  public:
    Ptr() = default;
    Ptr(std::nullptr_t) {}
    Ptr(T* at, Region* region) : at_(at), region_(region) {}

    operator Ptr<const T>() const { return {at_, region_}; }
    explicit operator bool() const { return at_ != nullptr; }

    Ptr operator+(int64_t n) const { return {at_ + n, region_}; }
    auto operator[](int64_t i) const {
        if constexpr (std::is_const_v<T>)
            return static_cast<std::remove_const_t<T>>(
                Ref<std::remove_const_t<T>>(const_cast<std::remove_const_t<T>*>(at_) + i, region_));
        else
            return Ref<T>(at_ + i, region_);
    }

    T* raw() const { return at_; }
    Region* region() const { return region_; }

  private:
    T* at_ = nullptr;
    Region* region_ = nullptr;
};

template <class To, class From>
Ptr<To> ptr_cast(Ptr<From> p) {
    return {reinterpret_cast<To*>(p.raw()), p.region()};
}

template <class T>
Ptr<T> shared_array(const void* tag, const char* name, size_t count) {
    Region* region = shared_region(tag, name, count * sizeof(T), sizeof(T) < 4 ? sizeof(T) : 4);
    return {reinterpret_cast<T*>(region->begin()), region};
}

}  // namespace sluice::kernels::cuda::sim
