//! The windows of convolutions and pools, in the ways in which ONNX says them.

use crate::onnx::pb::NodeProto;
use classifier_executor::{Steps, Window};

use super::attributes::{int, ints, text};
use super::view::View;

/// How a kernel of this size moves over an image.
pub fn read(node: &NodeProto, image: &View, [rows, columns]: [usize; 2]) -> Result<Window, String> {
    let pair = |name: &str| match ints(node, name)?.as_slice() {
        [] => Ok([1, 1]),
        [rows, columns] => Ok([*rows, *columns]),
        other => Err(format!("{name} {other:?}")),
    };
    let pads = match ints(node, "pads")?.as_slice() {
        [] => [0; 4],
        [top, left, bottom, right] => [*top, *left, *bottom, *right],
        other => return Err(format!("pads {other:?}")),
    };
    let [top, left, bottom, right] = image.zeros;
    let [stride_y, stride_x] = pair("strides")?;
    let [dilation_y, dilation_x] = pair("dilations")?;
    let side = |size: usize, kernel: usize, stride: usize, dilation: usize, pads: [usize; 2], zeros: [usize; 2]| Side {
        size,
        kernel,
        stride,
        dilation,
        pads,
        zeros,
    };
    let [pad_top, pad_left, pad_bottom, pad_right] = pads;
    Ok(Window {
        rows: side(
            image.shape.height,
            rows,
            stride_y,
            dilation_y,
            [pad_top, pad_bottom],
            [top, bottom],
        )
        .steps(node)?,
        columns: side(
            image.shape.width,
            columns,
            stride_x,
            dilation_x,
            [pad_left, pad_right],
            [left, right],
        )
        .steps(node)?,
    })
}

/// One direction.
struct Side {
    size: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    /// Before and behind, by the operator itself.
    pads: [usize; 2],
    /// The same, by one before it.
    zeros: [usize; 2],
}

impl Side {
    fn steps(self, node: &NodeProto) -> Result<Steps, String> {
        let Side {
            size,
            kernel,
            stride,
            dilation,
            pads,
            zeros: [zeros_before, zeros_behind],
        } = self;
        let size = size + zeros_before + zeros_behind;
        let reach = (kernel.max(1) - 1) * dilation + 1;
        if stride == 0 {
            return Err("a stride of 0".to_owned());
        }
        let same = |is_upper: bool| {
            let output = size.div_ceil(stride);
            let padding = ((output - 1) * stride + reach).saturating_sub(size);
            let less = padding / 2;
            if is_upper {
                [less, padding - less]
            } else {
                [padding - less, less]
            }
        };
        let [before, behind] = match text(node, "auto_pad") {
            "" | "NOTSET" => pads,
            "VALID" => [0, 0],
            "SAME_UPPER" => same(true),
            "SAME_LOWER" => same(false),
            other => return Err(format!("auto_pad {other}")),
        };
        let last = (before + size + behind)
            .checked_sub(reach)
            .ok_or("a kernel larger than the image")?;
        if int(node, "ceil_mode", 0) != 0 && !last.is_multiple_of(stride) {
            return Err("an output that is rounded up".to_owned());
        }
        Ok(Steps {
            kernel,
            stride,
            dilation,
            before: before + zeros_before,
            output: last / stride + 1,
        })
    }
}
